// Package openapi_test holds the API to its description: every answer, what linters say of the document, and clients that are generated from it.
package openapi_test

import (
	"context"
	"encoding/json"
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
	// The library knows how to read none of these; all are text to the document.
	for _, kind := range []string{"text/html", "application/openmetrics-text"} {
		openapi3filter.RegisterBodyDecoder(kind, readText)
	}
	os.Exit(m.Run())
}

func readText(body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
	text, err := io.ReadAll(body)
	return string(text), err
}

// served returns the document as the API serves it.
func served(t *testing.T) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	newEngine(t).handler(t).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.yaml", nil))
	return w.Body.Bytes()
}

// document is the description as the API serves it, and what of it was seen.
type document struct {
	*openapi3.T
	answers map[string]bool // by "method path code"
	errors  map[string]bool // by the words of field error
}

func loadDocument(t *testing.T) *document {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(served(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Fatalf("the document is not valid: %v", err)
	}
	for _, schema := range doc.Components.Schemas {
		forbidMore(schema.Value)
	}
	return &document{doc, make(map[string]bool), make(map[string]bool)}
}

// forbidMore makes a field that is not described an error, here only: callers are told to expect new ones.
func forbidMore(schema *openapi3.Schema) {
	no := false
	if schema.Type.Is("object") {
		schema.AdditionalProperties.Has = &no
	}
}

// check holds an answer to the document, and the request too, if it was accepted.
func (d *document) check(ctx context.Context, o outcome, got answer) error {
	method, path, _ := strings.Cut(o.operation, " ")
	route := &routers.Route{Spec: d.T, Path: path, PathItem: d.Paths.Value(path), Method: method, Operation: d.Paths.Value(path).GetOperation(method)}
	options := &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}
	request := &openapi3filter.RequestValidationInput{Request: o.request(ctx, ""), Route: route, Options: options}
	if got.Code < http.StatusBadRequest {
		if err := openapi3filter.ValidateRequest(ctx, request); err != nil {
			return fmt.Errorf("the request was accepted, though it is not described: %w", err)
		}
	}
	response := &openapi3filter.ResponseValidationInput{RequestValidationInput: request, Status: got.Code, Header: got.header, Options: options}
	response.SetBodyBytes([]byte(got.Body))
	if err := openapi3filter.ValidateResponse(ctx, response); err != nil {
		return fmt.Errorf("the answer is not described: %w", err)
	}
	return nil
}

// see notes that somebody has got this answer.
func (d *document) see(o outcome, got answer) {
	d.answers[fmt.Sprintf("%s %d", o.operation, got.Code)] = true
	var problem struct {
		Error string `json:"error"`
	}
	if json.Unmarshal([]byte(got.Body), &problem) == nil {
		d.errors[problem.Error] = true
	}
}

// checkAllSeen fails for every code of an answer, and every word of an error, that is described and that nobody has got.
func (d *document) checkAllSeen(t *testing.T) {
	t.Helper()
	for path, item := range d.Paths.Map() {
		for method, operation := range item.Operations() {
			for code := range operation.Responses.Map() {
				if key := strings.Join([]string{method, path, code}, " "); !d.answers[key] {
					t.Errorf("%s is described, but no case has provoked it", key)
				}
			}
		}
	}
	for _, word := range d.Components.Schemas["Problem"].Value.Properties["error"].Value.Enum {
		if !d.errors[fmt.Sprint(word)] {
			t.Errorf("the error %s is described, but no case has provoked it", word)
		}
	}
}
