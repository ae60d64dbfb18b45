package secret_test

import (
	"encoding/base64"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/internal/secret"
	"github.com/alert-history/refresh-sidecar/internal/source"
)

// mostMemory is what decoding one Secret may allocate, all of it counted, freed or not.
const mostMemory = 16 << 20

// decodeMeasured decodes a Secret and returns how many bytes that allocated. What other goroutines allocate meanwhile counts, too, so a
// result beyond the bound is looked at again.
func decodeMeasured(obj *secret.Object) (got source.Secret, allocated uint64) {
	var before, after runtime.MemStats
	for range 3 {
		runtime.ReadMemStats(&before)
		got = secret.Decode(obj)
		runtime.ReadMemStats(&after)
		if allocated = after.TotalAlloc - before.TotalAlloc; allocated <= mostMemory {
			break
		}
	}
	return got, allocated
}

// fill repeats a piece, with a counter in the place of the first #, up to a size.
func fill(piece string, size int) string {
	if !strings.Contains(piece, "#") {
		return strings.Repeat(piece, size/max(1, len(piece)))
	}
	before, after, _ := strings.Cut(piece, "#")
	text := make([]byte, 0, size)
	for i := int64(0); ; i++ {
		end := len(text)
		text = append(strconv.AppendInt(append(text, before...), i, 36), after...)
		if len(text) > size {
			return string(text[:end])
		}
	}
}

// Whatever one Secret holds, decoding it takes little more than the Secret: a few bytes of it must not be a thousand of memory.
func TestDecodeTakesLittleMemory(t *testing.T) {
	const size = 1<<20 - 200
	flat := func(key, value string) data { return data{"type": "webhook", "url": "https://h/p", key: value} }
	repeat := func(piece string) string { return fill(piece, size) }
	inConfig := func(field, open, piece, end string) data {
		return with(field, open+strings.TrimSuffix(repeat(piece), ",")+end)
	}
	many := func(d data, n int) data {
		for i := range n {
			d[strconv.FormatInt(int64(i), 36)+"k"] = ""
		}
		return d
	}
	extras := flat("name", "a")
	for i := range 900 {
		extras[fmt.Sprintf("k%d", i)] = strings.Repeat("\x01", 280)
	}
	large := data{}
	for i := range 64 {
		large[fmt.Sprintf("key%d", i)] = strings.Repeat("x", 16000)
	}
	for name, d := range map[string]data{
		"300 000 commas in headers":           flat("headers", strings.Repeat(",", 300_000)),
		"commas in headers":                   flat("headers", repeat(",")),
		"pairs in headers":                    flat("headers", repeat("k#=v,")),
		"lines in headers":                    flat("headers", repeat("k#: v\n")),
		"empty lines in headers":              flat("headers", "A: b"+repeat("\n")+"C: d"),
		"commas in one line of headers":       flat("headers", "A: "+repeat(", a")),
		"a long line of headers":              flat("headers", repeat("a")+": b"),
		"a JSON object of headers":            flat("headers", "{"+strings.TrimSuffix(repeat(`"k#":"v",`), ",")+"}"),
		"an open JSON object of headers":      flat("headers", "{"+repeat(`"k#":"v",`)),
		"headers":                             inConfig("headers", "{", `"k#":"v",`, "}"),
		"broken headers":                      inConfig("headers", "{", `"k#":0,`, "}"),
		"headers with escapes":                inConfig("headers", "{", `"\u0061#":"\u0061",`, "}"),
		"one large header":                    with("headers", `{"A":"`+repeat("v")+`"}`),
		"a header of quotes":                  with("headers", `{"A":"`+fill(`\"`, 500_000)+`"}`),
		"an Authorization of spaces":          with("headers", `{"Authorization":"x`+repeat(" ")+`"}`),
		"members":                             {"config": minimal[:len(minimal)-1] + repeat(`,"#":0`) + "}"},
		"members with escapes":                {"config": minimal[:len(minimal)-1] + repeat(`,"\u0061#":0`) + "}"},
		"999 large members":                   {"config": minimal[:len(minimal)-1] + repeat(`,"k#":"`+strings.Repeat("x", 1040)+`"`) + "}"},
		"members of another spelling":         {"config": minimal[:len(minimal)-1] + strings.Repeat(`,"URL":0`, 1) + repeat(`,"u-_.#":0`) + "}"},
		"60 000 short keys":                   with("filter_config", "{"+strings.TrimSuffix(fill(`"#":1,`, 60_000*8), ",")+"}"),
		"keys":                                inConfig("filter_config", "{", `"#":1,`, "}"),
		"keys with escapes":                   inConfig("filter_config", "{", `"\u0061#":1,`, "}"),
		"keys with short escapes":             inConfig("filter_config", "{", `"\n#":1,`, "}"),
		"the same key":                        inConfig("filter_config", "{", `"a":1,`, "}"),
		"objects of thirteen keys":            inConfig("filter_config", `{"x":[`, `{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1},`, "]}"),
		"small objects":                       inConfig("filter_config", `{"x":[`, `{"":{}},`, "]}"),
		"brackets":                            inConfig("x", "[", `[[[[[[[[]]]]]]]],`, "]"),
		"open brackets":                       {"config": `{"x":` + repeat("[")},
		"nested objects":                      {"config": repeat(`{"":`)},
		"fifty levels":                        inConfig("x", "[", strings.Repeat("[", 50)+strings.Repeat("]", 50)+",", "]"),
		"numbers":                             inConfig("x", "[", `1,`, "]"),
		"numbers with exponents":              inConfig("x", "[", `1e1,`, "]"),
		"a number of a million digits":        with("x", repeat("1")),
		"a fraction of a million digits":      with("x", "0."+repeat("1")),
		"strings":                             inConfig("x", "[", `"",`, "]"),
		"escapes":                             with("x", `"`+repeat(`\u0061`)+`"`),
		"surrogate pairs":                     with("x", `"`+repeat(`\ud83d\ude00`)+`"`),
		"text as it is":                       with("x", `"`+repeat(`x`)+`"`),
		"a target at its limit":               with("x", `"`+fill("<", 256<<10-300)+`"`),
		"space":                               with("x", repeat(" ")+"1"),
		"space in an array":                   inConfig("x", "[", `1 ,`, "]"),
		"a long name":                         with("name", `"`+repeat("a")+`"`),
		"a long type":                         flat("type", repeat("a")),
		"a long URL":                          with("url", `"https://h/`+repeat("a")+`"`),
		"a URL of escapes":                    flat("url", "https://h/"+repeat("%41")),
		"a URL of segments":                   flat("url", "https://h"+repeat("/xxxxxxx")),
		"a URL of parameters":                 flat("url", "https://h/?"+repeat("a=b&")),
		"a host of dots":                      flat("url", "https://h"+repeat(".a")),
		"a long api_key":                      flat("api_key", repeat("a")),
		"an api_key of spaces":                flat("api_key", "a"+repeat(" ")+"b"),
		"a long format":                       flat("format", repeat("a")),
		"a long enabled":                      flat("enabled", repeat("a")),
		"a flat filter_config":                flat("filter_config", "{"+strings.TrimSuffix(repeat(`"#":1,`), ",")+"}"),
		"YAML":                                {"config": repeat("k#: v\n")},
		"a comment":                           {"config": repeat("# \n")},
		"JSON that breaks at its end":         {"config": "[" + repeat(`{"a":1},`)},
		"not UTF-8":                           {"config": `{"x":"` + repeat("\xff")},
		"encoded twice":                       {"config": base64.StdEncoding.EncodeToString([]byte(`{"name":"a",` + fill(`"#":1,`, 700_000) + `"x":1}`))},
		"encoded twice in lines":              {"config": fold(base64.StdEncoding.EncodeToString([]byte(`{"x":"`+fill("x", 700_000)+`"}`)), 76)},
		"almost base64":                       {"config": repeat("A") + "!"},
		"keys beside config":                  many(data{"config": minimal}, 150_000),
		"flat keys":                           many(flat("name", "a"), 150_000),
		"900 flat keys of control characters": extras,
		"one flat key of control characters":  flat("x", strings.Repeat("\x01", 200_000)),
		"one flat key":                        flat("x", repeat("x")),
		"one flat key of line breaks":         flat("x", "0"+repeat("\n")+`"`),
		"no known key":                        large,
	} {
		t.Run(name, func(t *testing.T) {
			got, allocated := decodeMeasured(d.secret())
			if allocated > mostMemory {
				t.Errorf("got %.1f MiB, want at most 16", float64(allocated)/(1<<20))
			}
			checkDecoded(t, got)
		})
	}
}

// FuzzDecodeMemory looks for a piece of text that takes much memory when a Secret consists of it.
func FuzzDecodeMemory(f *testing.F) {
	for i, piece := range []string{",", "a=b,", "A#: b\n", `"#":1,`, `{"a":1},`, "[", `"\u0061#":{},`, "1e9,", "#: a\n", "/xxxxxxxx", `"#":"v",`, "ey"} {
		f.Add(uint8(i%6), "", piece, "")
		f.Add(uint8(0), `{"x":[`, piece, `0]}`)
	}
	f.Fuzz(func(t *testing.T, key uint8, open, piece, end string) {
		const size = 1<<20 - 200
		if len(open)+len(piece)+len(end) > 1000 {
			t.Skip("what repeats is short")
		}
		value := open + fill(piece, size-len(open)-len(end)) + end
		keys := []string{"config", "headers", "filter_config", "url", "api_key", "x"}
		d := data{"type": "webhook", "url": "https://h/p", keys[int(key)%len(keys)]: value}
		got, allocated := decodeMeasured(d.secret())
		if allocated > mostMemory {
			t.Fatalf("got %.1f MiB for %.300q, want at most 16", float64(allocated)/(1<<20), value)
		}
		if got.Fault != nil && len(got.Fault.Message()) > 4<<10 {
			t.Fatalf("got a message of %d bytes, want it short", len(got.Fault.Message()))
		}
	})
}
