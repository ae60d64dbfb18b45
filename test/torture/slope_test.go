package torture_test

import (
	"slices"
	"testing"
	"time"
)

// expectFlat compares the medians of the first and the last quarter: single samples jump with the garbage collector and with requests in
// flight.
func expectFlat(f *fault, samples []sample) {
	f.t.Helper()
	if len(samples) < 8 {
		f.t.Fatalf("%d samples are too few", len(samples))
	}
	for _, series := range []struct {
		name, unit string
		of         func(sample) float64
		slack      float64
	}{
		{"anonymous memory", " MB", func(s sample) float64 { return s.anonymous }, 3},
		{"descriptors", "", func(s sample) float64 { return s.files }, 3},
		{"goroutines", "", func(s sample) float64 { return s.goroutines }, 3},
	} {
		values := make([]float64, len(samples))
		for i, s := range samples {
			values[i] = series.of(s)
		}
		first, last := median(values[:len(values)/4]), median(values[len(values)*3/4:])
		f.figure("%s %.1f → %.1f%s (%+.2f an hour)", series.name, first, last, series.unit, slope(samples, values))
		if last > first+series.slack {
			f.violation("%s grew from %.1f to %.1f%s", series.name, first, last, series.unit)
		}
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// slope is the growth per hour of the line that fits the samples best.
func slope(samples []sample, values []float64) float64 {
	var sumX, sumY, sumXX, sumXY float64
	for i, y := range values {
		x := samples[i].at.Sub(samples[0].at).Hours()
		sumX, sumY, sumXX, sumXY = sumX+x, sumY+y, sumXX+x*x, sumXY+x*y
	}
	n := float64(len(values))
	return (n*sumXY - sumX*sumY) / (n*sumXX - sumX*sumX)
}

// TestGrowthIsSeen has one of the series grow by a little more than noise.
func TestGrowthIsSeen(t *testing.T) {
	for _, leak := range []float64{0, 0.1} {
		var samples []sample
		for i := range 100 {
			samples = append(samples, sample{at: time.Unix(int64(i)*36, 0), anonymous: 5, files: 10 + float64(i%3), goroutines: 15 + leak*float64(i)})
		}
		recorder := &fault{t: &muted{T: t}}
		expectFlat(recorder, samples)
		if found := recorder.Violations > 0; found != (leak > 0) {
			t.Errorf("a leak of %.1f a sample: got it found %t", leak, found)
		}
		if got := slope(samples, []float64{0, 1, 2, 3}); got < 99 || got > 101 {
			t.Errorf("got a slope of %.1f an hour, want 100", got)
		}
	}
}

// muted is a test whose failures do not count.
type muted struct{ *testing.T }

// Errorf implements [testing.TB].
func (*muted) Errorf(string, ...any) {}
