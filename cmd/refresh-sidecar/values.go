package main

import (
	"encoding"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// option is the value of a flag. Parsing it never fails, because kong stops at the first failure: the fault is kept and reported
// together with the faults of the other flags.
type option[T any] struct {
	value T
	fault error
}

// Kinds of values. Each is parsed from the text of a flag, an environment variable or a default.
type (
	durationOption  struct{ option[time.Duration] }
	durationsOption struct{ option[[]time.Duration] }
	intOption       struct{ option[int] }
	shareOption     struct{ option[float64] }
	modeOption      struct{ option[os.FileMode] }
	boolOption      struct{ option[bool] }
)

var (
	_ encoding.TextUnmarshaler = (*durationOption)(nil)
	_ encoding.TextUnmarshaler = (*durationsOption)(nil)
	_ encoding.TextUnmarshaler = (*intOption)(nil)
	_ encoding.TextUnmarshaler = (*shareOption)(nil)
	_ encoding.TextUnmarshaler = (*modeOption)(nil)
	_ kong.BoolMapperValue     = (*boolOption)(nil)
)

func (o *option[T]) set(value T, err error, text, want string) error {
	o.value, o.fault = value, nil
	if err != nil {
		o.fault = fmt.Errorf("%q is not %s", text, want)
	}
	return nil
}

// UnmarshalText keeps a fault for later.
func (o *durationOption) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	return o.set(d, err, string(text), "a duration such as 30s or 5m")
}

// UnmarshalText keeps a fault for later.
func (o *durationsOption) UnmarshalText(text []byte) error {
	var list []time.Duration
	var faults error
	for item := range strings.SplitSeq(string(text), ",") {
		d, err := time.ParseDuration(strings.TrimSpace(item))
		faults = errors.Join(faults, err)
		list = append(list, d)
	}
	return o.set(list, faults, string(text), "a list of durations such as 30s,1m,2m")
}

// UnmarshalText keeps a fault for later.
func (o *intOption) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	return o.set(n, err, string(text), "a whole number")
}

// UnmarshalText keeps a fault for later.
func (o *shareOption) UnmarshalText(text []byte) error {
	f, err := strconv.ParseFloat(string(text), 64)
	return o.set(f, err, string(text), "a number such as 0.1")
}

// UnmarshalText keeps a fault for later.
func (o *modeOption) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 8, 32)
	return o.set(os.FileMode(n), err, string(text), "an octal file mode such as 0640")
}

// Decode keeps a fault for later. A flag without a value is true; kong asks IsBool whether a flag may stand without one.
func (o *boolOption) Decode(ctx *kong.DecodeContext) error {
	if ctx.Scan.Peek().Type != kong.FlagValueToken {
		return o.set(true, nil, "", "")
	}
	text := ctx.Scan.Pop().String()
	b, err := strconv.ParseBool(text)
	return o.set(b, err, text, "true or false")
}

// IsBool implements [kong.BoolMapperValue].
func (*boolOption) IsBool() bool { return true }

// faults collects what is wrong with the flags.
type faults struct {
	variables map[string]string // by flag: the environment variable that its value comes from
	list      []error
}

func (f *faults) add(flag, format string, args ...any) {
	f.list = append(f.list, fmt.Errorf("%s: %s", givenBy(flag, f.variables), fmt.Sprintf(format, args...)))
}

// givenBy names a flag by what gave its value.
func givenBy(flag string, variables map[string]string) string {
	if variable := variables[flag]; variable != "" {
		return variable + " (" + flag + ")"
	}
	return flag
}

// parsed reports whether a flag could be parsed, and notes its fault if not.
func (f *faults) parsed(flag string, fault error) bool {
	if fault != nil {
		f.add(flag, "%v", fault)
	}
	return fault == nil
}

func (f *faults) atLeast(flag string, o durationOption, least time.Duration) {
	switch {
	case !f.parsed(flag, o.fault):
	case least == 0 && o.value < 0:
		f.add(flag, "%s must not be negative", o.value)
	case o.value < least:
		f.add(flag, "%s is too short, the least is %s", o.value, least)
	}
}

func (f *faults) eachAtLeast(flag string, o durationsOption, least time.Duration) {
	if !f.parsed(flag, o.fault) {
		return
	}
	for _, d := range o.value {
		if d < least {
			f.add(flag, "%s is too short, the least is %s", d, least)
		}
	}
}

func (f *faults) notNegative(flag string, o intOption) {
	if f.parsed(flag, o.fault) && o.value < 0 {
		f.add(flag, "%d must not be negative", o.value)
	}
}

func (f *faults) oneOf(flag, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		f.add(flag, "%q is not one of %s", value, strings.Join(allowed, ", "))
	}
}

func (f *faults) address(flag, value string, optional bool) {
	if optional && value == "" {
		return
	}
	if _, port, err := net.SplitHostPort(value); err != nil {
		f.add(flag, "%q is not host:port, such as :8095 or 127.0.0.1:0", value)
	} else if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		f.add(flag, "%q is not a port between 0 and 65535", port)
	}
}

// err returns all faults, a line each.
func (f *faults) err() error {
	switch len(f.list) {
	case 0:
		return nil
	case 1:
		return f.list[0]
	}
	lines := make([]string, len(f.list))
	for i, fault := range f.list {
		lines[i] = "\n  " + fault.Error()
	}
	return fmt.Errorf("%d faults in the configuration:%s", len(f.list), strings.Join(lines, ""))
}
