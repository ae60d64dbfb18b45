package prometheus_test

import (
	"fmt"
	"math"
	"slices"
)

// form is how Prometheus stores a histogram.
type form string

const (
	classicSeries form = "series of classic buckets"
	exponential   form = "native histogram with exponential buckets"
	customBuckets form = "native histogram with the classic bounds" // NHCB in Prometheus' manual
)

// Options of a scrape configuration.
const (
	scrapeNative  = "scrape_native_histograms: true"
	convert       = "convert_classic_histograms_to_nhcb: true"
	alwaysClassic = "always_scrape_classic_histograms: true"
)

// way is a set of options, and what Prometheus makes with them of the sidecar's two histograms. Of two forms the better is the first.
type way struct {
	name, options      string
	refreshes, answers []form
}

// ways returns the ways in which people have Prometheus scrape histograms.
func ways() []way {
	return []way{
		{"classic", "", []form{classicSeries}, []form{classicSeries}},
		{"native", scrapeNative, []form{exponential}, []form{classicSeries}},
		{"native-and-classic", scrapeNative + ", " + alwaysClassic, []form{exponential, classicSeries}, []form{classicSeries}},
		{"custom", convert, []form{customBuckets}, []form{customBuckets}},
	}
}

// rareWays returns other combinations of options, and of protocols, of which protobuf alone carries native histograms.
func rareWays() []way {
	return []way{
		{"custom-and-classic", convert + ", " + alwaysClassic, []form{customBuckets, classicSeries}, []form{customBuckets, classicSeries}},
		{"native-or-custom", scrapeNative + ", " + convert, []form{exponential}, []form{customBuckets}},
		{"text", "scrape_protocols: [PrometheusText0.0.4]", []form{classicSeries}, []form{classicSeries}},
		{"protobuf", "scrape_protocols: [PrometheusProto]", []form{classicSeries}, []form{classicSeries}},
		{"custom-by-protobuf", "scrape_protocols: [PrometheusProto], " + convert, []form{customBuckets}, []form{customBuckets}},
		{"native-by-text", "scrape_protocols: [OpenMetricsText1.0.0], " + scrapeNative, []form{classicSeries}, []form{classicSeries}},
	}
}

// span is where a value lies.
type span struct{ low, high float64 }

func (s span) String() string { return fmt.Sprintf("%.6f to %.6f", s.low, s.high) }

func (s span) holds(value float64) bool { return s.low <= value && value <= s.high }

// durations are the observations of a histogram.
type durations struct {
	round   []span // the last that were added
	slowest span   // of all
}

func (d *durations) add(round []span) {
	d.round = round
	d.slowest = quantile(1, append([]span{d.slowest}, round...))
}

// quantile returns where the quantile of the last round lies by a histogram of this form. rate() extrapolates each series of classic buckets
// by itself, by less where the bucket was empty before, so that the quantile may rise to whatever was observed before the round; see
// findings/classic-buckets-extrapolated-apart.sh.
func (d *durations) quantile(q float64, f form, bounds []float64) span {
	observation := quantile(q, d.round)
	if f == classicSeries {
		observation.high = d.slowest.high
	}
	return f.told(observation, bounds)
}

func (d *durations) mean() (mean float64) {
	for _, o := range d.round {
		mean += o.low / float64(len(d.round))
	}
	return mean
}

// told returns what a histogram of this form tells of an observation: its bucket.
func (f form) told(observation span, bounds []float64) span {
	if f == exponential {
		const growth = 1.1 // a bucket is at most this much wider than the one below
		return span{observation.low / growth, observation.high * growth}
	}
	above := func(value float64) int {
		i, _ := slices.BinarySearch(bounds, value)
		return i
	}
	bounds = append([]float64{0}, bounds...)
	return span{bounds[above(observation.low)-1], bounds[above(observation.high)]}
}

// quantile returns the observation that is the quantile q of all. q times their number must not be whole: two would be as right.
func quantile(q float64, observations []span) span {
	rank := int(math.Ceil(q*float64(len(observations)))) - 1
	var lows, highs []float64
	for _, o := range observations {
		lows, highs = append(lows, o.low), append(highs, o.high)
	}
	slices.Sort(lows)
	slices.Sort(highs)
	return span{lows[rank], highs[rank]}
}
