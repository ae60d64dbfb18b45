package targetsfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
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
// The error names keys that look like names, and of values only their kind; [errors.Is] finds what a type that decodes itself returned. Two things are left to
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
	if !json.Valid(data) {
		return errors.New("not JSON")
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
	if err == nil {
		return nil
	}
	text := "a value is refused by its type"
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) && mismatch.Type != nil {
		kind, _, _ := strings.Cut(mismatch.Value, " ") // a number follows
		if !slices.Contains([]string{"string", "number", "bool", "array", "object", "null"}, kind) {
			kind = "something else"
		}
		text = fmt.Sprintf("must be %s, is %s", mismatch.Type, kind)
		if isName(mismatch.Field) {
			text = "field " + mismatch.Field + " " + text
		}
	} else if quoted, found := strings.CutPrefix(err.Error(), "json: unknown field "); found {
		text = "unknown field"
		if key, err := strconv.Unquote(quoted); err == nil && isName(key) {
			text += " " + quoted
		}
	}
	return &redactedError{text: text, is: isOf(err)}
}

// isName reports whether a key, or a path of keys, looks like a name that somebody chose: any other may be a value that was misplaced.
func isName(key string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
	return key != "" && len(key) <= 63 && strings.IndexByte(letters, key[0]) >= 0 && strings.Trim(key, letters+"0123456789.-") == ""
}

// fieldText names a field, if its key may be shown.
func fieldText(key string) string {
	if isName(key) {
		return "field " + key
	}
	return "a field"
}

// fold returns the same text for all keys that encoding/json takes for the same field.
func fold(key string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			least = min(least, other)
		}
		return least
	}, key)
}

// checkKeys refuses what encoding/json reads without an error: null, which leaves a field as it is, and the second of two equal keys, which
// replaces the first.
func checkKeys(data []byte) error {
	c := keyChecker{json.NewDecoder(bytes.NewReader(data))}
	c.UseNumber()
	return c.value("it")
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
		key := fmt.Sprint(token)
		if met[fold(key)] {
			return fmt.Errorf("%s is there twice", fieldText(key))
		}
		met[fold(key)] = true
		if err := c.value(fieldText(key)); err != nil {
			return err
		}
	}
	_, err := c.Token()
	return err
}
