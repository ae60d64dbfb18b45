// Package openapi_test holds every answer of the API to its description.
package openapi_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

func TestMain(m *testing.M) {
	// The library knows how to read neither; both are text to the document.
	for _, kind := range []string{"text/html", "application/openmetrics-text"} {
		openapi3filter.RegisterBodyDecoder(kind, readText)
	}
	os.Exit(m.Run())
}

func readText(body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
	text, err := io.ReadAll(body)
	return string(text), err
}

// document is the description as the API serves it, and what of it was seen.
type document struct {
	*openapi3.T
	seen map[string]bool // by "method path code"
}

func loadDocument(t *testing.T) *document {
	t.Helper()
	w := httptest.NewRecorder()
	newEngine(t).handler(t).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.yaml", nil))
	doc, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Fatalf("the document is not valid: %v", err)
	}
	for _, schema := range doc.Components.Schemas {
		forbidMore(schema.Value)
	}
	return &document{doc, make(map[string]bool)}
}

// forbidMore makes a field that is not described an error, here only: callers are told to expect new ones.
func forbidMore(schema *openapi3.Schema) {
	no := false
	if schema.Type.Is("object") {
		schema.AdditionalProperties.Has = &no
	}
}

// route returns the description of a path. The answer for a path that is not there is described among the components.
func (d *document) route(method, path string) *routers.Route {
	item := d.Paths.Value(path)
	if item == nil {
		nowhere := openapi3.NewOperation()
		nowhere.Responses = openapi3.NewResponses(openapi3.WithStatus(404, d.Components.Responses["NotFound"]))
		return &routers.Route{Spec: d.T, Path: path, PathItem: &openapi3.PathItem{}, Method: method, Operation: nowhere}
	}
	operation := item.GetOperation(method)
	if operation == nil { // the answer to a method that the path does not take is described with the one it takes
		for _, operation = range item.Operations() {
		}
	}
	return &routers.Route{Spec: d.T, Path: path, PathItem: item, Method: method, Operation: operation}
}

// check holds an answer to the document, and the request too, if it was accepted.
func (d *document) check(ctx context.Context, r *http.Request, w *httptest.ResponseRecorder) error {
	route := d.route(r.Method, r.URL.Path)
	options := &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}
	request := &openapi3filter.RequestValidationInput{Request: r, Route: route, Options: options}
	if w.Code < http.StatusBadRequest {
		if err := openapi3filter.ValidateRequest(ctx, request); err != nil {
			return fmt.Errorf("the request was accepted, though it is not described: %w", err)
		}
	}
	answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: request, Status: w.Code, Header: w.Header(), Options: options}
	answer.SetBodyBytes(w.Body.Bytes())
	if err := openapi3filter.ValidateResponse(ctx, answer); err != nil {
		return fmt.Errorf("the answer is not described: %w", err)
	}
	for method, operation := range d.pathOperations(r.URL.Path) {
		if operation == route.Operation {
			d.seen[fmt.Sprintf("%s %s %d", method, r.URL.Path, w.Code)] = true
		}
	}
	return nil
}

func (d *document) pathOperations(path string) map[string]*openapi3.Operation {
	if item := d.Paths.Value(path); item != nil {
		return item.Operations()
	}
	return nil
}

// checkAllSeen fails for every code that is described and was not answered.
func (d *document) checkAllSeen(t *testing.T) {
	t.Helper()
	for path, item := range d.Paths.Map() {
		for method, operation := range item.Operations() {
			for code := range operation.Responses.Map() {
				if key := strings.Join([]string{method, path, code}, " "); !d.seen[key] {
					t.Errorf("%s is described, but no case has provoked it", key)
				}
			}
		}
	}
}
