package targetsfile_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// filter is what an app may know of filters.
type filter struct {
	Severity []string `json:"severity"`
	Min      int8     `json:"min"`
	Labels   map[string]string
	Team     *struct{ Name string } `json:"team"`
	Since    time.Time              `json:"since"`
}

func TestDecodeFilter(t *testing.T) {
	for _, test := range []struct{ name, config, want string }{
		{"all fields", `{"severity":["critical"],"min":2,"labels":{"a":"b"},"team":{"name":"sre"}}`, ""},
		{"none", "", ""},
		{"empty", "{}", ""},
		{"unknown key", `{"severty":["critical"]}`, `unknown field "severty"`},
		{"unknown key within", `{"team":{"nmae":"xoxb-CANARY"}}`, `unknown field "nmae"`},
		{"text for a list", `{"severity":"xoxb-CANARY"}`, "field severity must be []string, is string"},
		{"number for a text", `{"severity":[123456]}`, "field severity must be string, is number"}, // Go 1.27 names severity.0
		{"type that decodes itself", `{"since":"xoxb-CANARY"}`, "a value is refused by its type"},
		{"number out of range", `{"min":300}`, "field min must be int8, is number"},
		{"fraction", `{"min":1.5}`, "field min must be int8, is number"},
		{"null", `{"severity":null}`, "field severity must not be null"},
		{"null for a pointer", `{"team":null}`, "field team must not be null"},
		{"null within", `{"severity":["a",null]}`, "an item of field severity must not be null"},
		{"null altogether", "null", "it must not be null"},
		{"a list altogether", "[]", "must be targetsfile_test.filter, is array"},
		{"not JSON", `{"min":xoxb-CANARY}`, "not JSON"},
		{"blank", " ", "not JSON"},
		{"text behind it", "{} xoxb-CANARY", "not JSON"},
		{"unknown key that is no name", `{"xoxb CANARY":1}`, "unknown field"},
		{"null for a key that is no name", `{"labels":{"xoxb CANARY":null}}`, "a field must not be null"},
		{"another type for a key that is no name", `{"labels":{"xoxb CANARY":1}}`, "must be string, is number"},
		{"key twice", `{"severity":["a"],"severity":[]}`, "field severity is there twice"},
		{"key twice in another case", `{"severity":["a"],"Severity":[]}`, "field Severity is there twice"},
		{"key twice in letters of other alphabets", `{"severity":["a"],"ſeverity":[]}`, "a field is there twice"},
		{"key twice within", `{"labels":{"a":"b","a":"c"}}`, "field a is there twice"},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := targetsfile.Target{Name: "a", FilterConfig: json.RawMessage(test.config)}
			got := filter{Min: 7}
			err := x.DecodeFilter(&got)
			if test.want == "" {
				want := filter{Min: 7}
				if test.config != "" {
					if err := json.Unmarshal([]byte(test.config), &want); err != nil {
						t.Fatal(err)
					}
				}
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("got %+v and error %v, want %+v", got, err, want)
				}
				return
			}
			text := strings.Replace(fmt.Sprint(err), "severity.0", "severity", 1)
			if !strings.HasPrefix(text, "filter_config of target a: ") || !strings.Contains(text, test.want) {
				t.Errorf("got error %v, want %s", err, test.want)
			}
			if err != nil && (leaks(err.Error()) || strings.Contains(err.Error(), "123456")) {
				t.Errorf("got error %v, want no value", err)
			}
			if !reflect.DeepEqual(got, filter{Min: 7}) {
				t.Errorf("got %+v after an error, want it as it was", got)
			}
		})
	}
}

// A filter may be decoded into anything that encoding/json takes.
func TestDecodeFilterIntoAMap(t *testing.T) {
	x := targetsfile.Target{FilterConfig: json.RawMessage(`{"a":[1,true,{"b":"c"}]}`)}
	var got map[string]any
	check(t, x.DecodeFilter(&got))
	want := map[string]any{"a": []any{1.0, true, map[string]any{"b": "c"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, wrong := range []any{nil, got, (*filter)(nil)} {
		if err := x.DecodeFilter(wrong); err == nil {
			t.Errorf("got no error for %T, want one", wrong)
		}
	}
}

// level is a type of an app that decodes itself.
type level string

var errLevel error

// UnmarshalText implements [encoding.TextUnmarshaler].
func (l *level) UnmarshalText([]byte) error { return errLevel }

func TestTheErrorOfATypeIsFoundAndNotShown(t *testing.T) {
	for _, errLevel = range []error{
		errors.New("no level: xoxb-CANARY"),
		fmt.Errorf("xoxb-CANARY: %w", io.ErrUnexpectedEOF),
		errors.New(`json: unknown field "xoxb CANARY"`),
		&json.UnmarshalTypeError{Value: "xoxb-CANARY", Type: reflect.TypeFor[int]()},
		&json.SyntaxError{Offset: 7},
	} {
		var got struct{ Min level }
		err := targetsfile.Target{FilterConfig: json.RawMessage(`{"min":"xoxb-CANARY"}`)}.DecodeFilter(&got)
		if !errors.Is(err, errLevel) || leaks(fmt.Sprintf("%v %+v %#v", err, err, errors.Unwrap(err))) {
			t.Errorf("got %v, want an error that is %v and does not show the value", err, errLevel)
		}
	}
}

func TestDecodeExtra(t *testing.T) {
	x := targetsfile.Target{Name: "a", Extra: map[string]json.RawMessage{
		"routing_key": json.RawMessage(`"R0"`),
		"team":        json.RawMessage(`{"name":"sre","lead":"unknown to the app"}`),
		"empty":       json.RawMessage("null"),
	}}
	key, number := "before", 0
	var team struct{ Name string }
	for _, test := range []struct {
		name, key string
		into      any
		found     bool
		want      string
	}{
		{"a text", "routing_key", &key, true, ""},
		{"absent", "service", &key, false, ""},
		{"an object with more", "team", &team, true, ""},
		{"another type", "routing_key", &number, true, "extra routing_key of target a: must be int, is string"},
		{"null", "empty", &key, true, "extra empty of target a: it must not be null"},
	} {
		found, err := x.DecodeExtra(test.key, test.into)
		if found != test.found || (err == nil) != (test.want == "") || err != nil && err.Error() != test.want {
			t.Errorf("%s: got %t and error %v, want %t and %q", test.name, found, err, test.found, test.want)
		}
	}
	if key != "R0" || team.Name != "sre" || number != 0 {
		t.Errorf("got %q, %+v and %d, want R0, sre and 0", key, team, number)
	}
}
