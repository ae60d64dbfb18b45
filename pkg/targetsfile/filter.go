package targetsfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// DecodeFilter decodes FilterConfig into v, a pointer to what the app knows of filters, with the rules of encoding/json and stricter ones.
// A filter narrows what is sent, so one that is not understood in full must not count as one that lets everything through: an unknown
// key, null, a key that is there twice, and a value of another type are errors, and v is then left as it was. Whoever gets an error
// publishes nothing to the target, or goes on with the filter that it had, as [Derive] does by itself.
//
// The sidecar prescribes no keys of a filter. A key that is absent leaves its field as it is, and an empty list is an empty list: whether that
// means everything or nothing is the app's to say. An empty FilterConfig, as in a Target that an app makes itself, is read as an object
// without keys.
//
// The error names keys, and of values only their kind; [errors.Is] finds what a type that decodes itself returned. Two things are left to
// encoding/json: an array drops the items for which it has no room, so use a slice, and a type that decodes itself takes what it likes. Decode
// FilterConfig with encoding/json to be lenient.
func (t Target) DecodeFilter(v any) error {
	filter := []byte(t.FilterConfig)
	if len(filter) == 0 {
		filter = []byte("{}")
	}
	if err := decodeStrictly(filter, v, true); err != nil {
		return fmt.Errorf("filter_config of target %s: %w", t.Name, err)
	}
	return nil
}

// DecodeExtra decodes one key of Extra into v, which stays as it is where the key is absent and found is false. It is as strict as
// [Target.DecodeFilter] about null, keys that are there twice and types, but ignores unknown keys of an object: extra belongs to the app
// alone, and an unknown key in it lets nothing through.
func (t Target) DecodeExtra(key string, v any) (found bool, err error) {
	value, found := t.Extra[key]
	if !found {
		return false, nil
	}
	if err := decodeStrictly(value, v, false); err != nil {
		return true, fmt.Errorf("extra %s of target %s: %w", key, t.Name, err)
	}
	return true, nil
}

// decodeStrictly decodes JSON into v, or leaves v as it is.
func decodeStrictly(data []byte, v any, knownOnly bool) error {
	into := reflect.ValueOf(v)
	if into.Kind() != reflect.Pointer || into.IsNil() {
		return &json.InvalidUnmarshalError{Type: reflect.TypeOf(v)}
	}
	decode := func(v any) error {
		dec := json.NewDecoder(bytes.NewReader(data))
		if knownOnly {
			dec.DisallowUnknownFields()
		}
		return withoutValue(dec.Decode(v))
	}
	if err := decode(reflect.New(into.Type().Elem()).Interface()); err != nil {
		return err
	}
	if err := checkKeys(data); err != nil {
		return err
	}
	return decode(v)
}

// withoutValue keeps the keys and types that an error of encoding/json names, and drops what it quotes of a value. The error of a type that
// decodes itself, such as time.Time, may quote anything: errors.Is finds it, and its text is dropped.
func withoutValue(err error) error {
	var mismatch *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case err == nil, strings.HasPrefix(err.Error(), "json: unknown field "):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("not JSON, it is cut short")
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON, it breaks after byte %d", syntax.Offset)
	case !errors.As(err, &mismatch):
		return &redactedError{text: "a value is refused by its type", is: isOf(err)}
	}
	kind, _, _ := strings.Cut(mismatch.Value, " ")
	if mismatch.Field == "" {
		return fmt.Errorf("must be %s, is %s", mismatch.Type, kind)
	}
	return fmt.Errorf("field %s must be %s, is %s", mismatch.Field, mismatch.Type, kind)
}

// checkKeys refuses what encoding/json reads without a word: null, which leaves a field as it is, the second of two equal keys, which
// replaces the first, and what follows a value.
func checkKeys(data []byte) error {
	c := keyChecker{json.NewDecoder(bytes.NewReader(data))}
	c.UseNumber()
	if err := c.value("it"); err != nil {
		return err
	}
	if _, err := c.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the value")
	}
	return nil
}

type keyChecker struct{ *json.Decoder }

// value reads one value; what names the place of the value in errors.
func (c keyChecker) value(what string) error {
	token, err := c.Token()
	if err != nil {
		return err
	}
	switch token {
	case nil:
		return fmt.Errorf("%s must not be null", what)
	case json.Delim('{'):
		return c.object()
	case json.Delim('['):
		for c.More() {
			if err := c.value("an item of " + what); err != nil {
				return err
			}
		}
		_, err = c.Token()
	}
	return err
}

func (c keyChecker) object() error {
	met := map[string]bool{}
	for c.More() {
		token, err := c.Token()
		if err != nil {
			return err
		}
		key := strings.ToLower(fmt.Sprint(token)) // encoding/json matches keys to fields without regard to case
		if met[key] {
			return fmt.Errorf("field %s is there twice", token)
		}
		met[key] = true
		if err := c.value(fmt.Sprintf("field %s", token)); err != nil {
			return err
		}
	}
	_, err := c.Token()
	return err
}
