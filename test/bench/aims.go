package bench

import "fmt"

// Bound is the most, or the least, that a value may be. The zero Bound allows everything.
type Bound struct {
	Limit float64
	kind  string
}

// Below allows values less than the limit.
func Below(limit float64) Bound { return Bound{limit, "<"} }

// AtMost allows values up to the limit.
func AtMost(limit float64) Bound { return Bound{limit, "≤"} }

// AtLeast allows values from the limit on.
func AtLeast(limit float64) Bound { return Bound{limit, "≥"} }

// Exactly allows one value.
func Exactly(value float64) Bound { return Bound{value, "="} }

// String is the bound as a table shows it.
func (b Bound) String() string {
	switch b.kind {
	case "":
		return "–"
	case "=":
		return number(b.Limit)
	}
	return b.kind + " " + number(b.Limit)
}

func (b Bound) allows(value float64) bool {
	switch b.kind {
	case "<":
		return value < b.Limit
	case "≤":
		return value <= b.Limit
	case "≥":
		return value >= b.Limit
	case "=":
		return value == b.Limit
	}
	return true
}

// Aim is one figure and what is wanted of it.
type Aim struct {
	What    string // what is measured, with its unit
	Value   func(Results) Value
	Bare    func(Results) Value // the same work by the plainest means, in the same run; nil: there is none
	AtLeast Bound               // missed: something is broken
	Aim     Bound               // missed: something is to be found out
}

// Verdict says whether a value is what is wanted.
type Verdict string

// Verdicts.
const (
	Met       Verdict = "met"
	AimMissed Verdict = "**aim missed**"
	Missed    Verdict = "**missed**"
	Unknown   Verdict = "**not measured**"
)

// Judge compares the value of an aim with its bounds.
func (a Aim) Judge(r Results) Verdict {
	v := a.Value(r)
	switch {
	case v.Runs == 0:
		return Unknown
	case !a.AtLeast.allows(v.Median):
		return Missed
	case !a.Aim.allows(v.Median):
		return AimMissed
	}
	return Met
}

// Shortfall returns an error that names the aims which miss what they must reach at least, or were not measured.
func Shortfall(aims []Aim, r Results) error {
	var short []string
	for _, a := range aims {
		if v := a.Judge(r); v == Missed || v == Unknown {
			short = append(short, fmt.Sprintf("%s: %s, wanted %s", a.What, a.Value(r), a.AtLeast))
		}
	}
	if len(short) > 0 {
		return fmt.Errorf("short of the least that is wanted: %q", short)
	}
	return nil
}
