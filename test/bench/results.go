package bench

import (
	"fmt"
	"math"
	"slices"
)

// Figure names one figure of a benchmark. The benchmark's name stands without the word Benchmark.
type Figure struct{ Benchmark, Unit string }

// Results are the values that each figure had in the runs of its benchmark.
type Results map[Figure][]float64

// Value is what one figure, or several together, came to.
type Value struct {
	Median, Least, Most float64
	Runs                int // 0: there is no such figure
}

// Of returns a function that looks up one figure.
func Of(benchmark, unit string) func(Results) Value {
	return func(r Results) Value { return r.value(Figure{benchmark, unit}) }
}

// value returns the figure's median, and how far its runs spread.
func (r Results) value(f Figure) Value {
	values := slices.Sorted(slices.Values(r[f]))
	if len(values) == 0 {
		return Value{}
	}
	return Value{Median: values[len(values)/2], Least: values[0], Most: values[len(values)-1], Runs: len(values)}
}

// Minus returns the difference of the medians of two figures.
func Minus(a, b func(Results) Value) func(Results) Value {
	return combined(a, b, func(a, b float64) float64 { return a - b })
}

// Plus returns the sum of the medians of two figures.
func Plus(a, b func(Results) Value) func(Results) Value {
	return combined(a, b, func(a, b float64) float64 { return a + b })
}

// Over returns the quotient of the medians of two figures.
func Over(a, b func(Results) Value) func(Results) Value {
	return combined(a, b, func(a, b float64) float64 { return a / b })
}

func combined(a, b func(Results) Value, combine func(a, b float64) float64) func(Results) Value {
	return func(r Results) Value {
		left, right := a(r), b(r)
		if left.Runs == 0 || right.Runs == 0 {
			return Value{}
		}
		result := combine(left.Median, right.Median)
		return Value{Median: result, Least: result, Most: result, Runs: min(left.Runs, right.Runs)}
	}
}

// times returns the value in another unit.
func (v Value) times(f float64) Value {
	return Value{Median: v.Median * f, Least: v.Least * f, Most: v.Most * f, Runs: v.Runs}
}

// String gives the median, and the spread if there is one.
func (v Value) String() string {
	switch {
	case v.Runs == 0:
		return "–"
	case number(v.Least) == number(v.Most):
		return number(v.Median)
	}
	return fmt.Sprintf("%s (%s to %s)", number(v.Median), number(v.Least), number(v.Most))
}

// number rounds to what a benchmark on a shared machine can tell.
func number(f float64) string {
	switch size := math.Abs(f); {
	case f == math.Trunc(f) && size < 1e6:
		return fmt.Sprint(int(f))
	case size >= 100:
		return fmt.Sprintf("%.0f", f)
	case size >= 10:
		return fmt.Sprintf("%.1f", f)
	default:
		return fmt.Sprintf("%.2f", f)
	}
}
