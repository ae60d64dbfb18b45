package openapi_test

import (
	"io"
	"net/http"
	"slices"
	"testing"
)

// answer is what a caller has got.
type answer struct {
	Code   int
	Body   string
	header http.Header
}

// provoke has a caller get each outcome from an API on a listener of its own, and notes what the answers were.
func provoke(t *testing.T, doc *document, call func(t *testing.T, o outcome, url string) answer) {
	t.Helper()
	for _, o := range outcomes() {
		t.Run(o.name+" "+o.operation, func(t *testing.T) {
			e := newEngine(t)
			if o.prepare != nil {
				o.prepare(e)
			}
			url := e.serve(t)
			if o.before != nil {
				o.before(t, e, url)
			}
			got := call(t, o, url)
			if got.Code != o.code {
				t.Errorf("got code %d, want %d", got.Code, o.code)
			}
			doc.see(o, got)
		})
	}
	doc.checkAllSeen(t)
}

func TestAnswersAreAsDescribed(t *testing.T) {
	doc := loadDocument(t)
	provoke(t, doc, func(t *testing.T, o outcome, url string) answer {
		response, err := http.DefaultClient.Do(o.request(t.Context(), url))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		got := answer{response.StatusCode, string(body), response.Header}
		if err := doc.check(t.Context(), o, got); err != nil {
			t.Error(err)
		}
		return got
	})
}

// A null in an enum, which OpenAPI 3.0 demands of one that is nullable, becomes the text "<nil>" with oapi-codegen, and TypeScript that does not
// compile with openapi-zod-client.
func TestNoEnumHoldsNull(t *testing.T) {
	for name, schema := range loadDocument(t).Components.Schemas {
		for property, of := range schema.Value.Properties {
			if slices.Contains(of.Value.Enum, nil) {
				t.Errorf("%s.%s: got an enum with null, want a pattern", name, property)
			}
		}
	}
}
