package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// exchange is one request and its answer. Handlers answer through it, and metrics and the audit log read from it afterwards what
// became of the request. It belongs to the goroutine that serves the request.
type exchange struct {
	http.ResponseWriter
	request   *http.Request
	requestID string
	instance  string

	code    int       // of the answer; 0: not begun
	refusal errorCode // why the answer is an error; empty: it is none
	started bool      // a refresh, whatever the answer is
	user    string    // who asks; empty: not known
}

// Unwrap lets [http.ResponseController] reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (x *exchange) WriteHeader(code int) {
	x.code = code
	x.ResponseWriter.WriteHeader(code)
}

// Write implements [http.ResponseWriter].
func (x *exchange) Write(body []byte) (int, error) {
	if x.code == 0 {
		x.WriteHeader(http.StatusOK)
	}
	return x.ResponseWriter.Write(body)
}

// setHeaders sets what every answer carries. Nothing here is meant for a browser, so a browser is told to do nothing with it.
func (x *exchange) setHeaders() {
	h := x.Header()
	h.Set(requestIDHeader, x.requestID)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
}

// answer sends a JSON body. A broken connection is the client's loss and nobody else's, so its error is dropped.
func (x *exchange) answer(code int, body any) {
	encoded, err := encode(body)
	if err != nil {
		panic(fmt.Errorf("encoding %T: %w", body, err)) // only a shape of this package can be at fault
	}
	x.Header().Set("Content-Type", "application/json")
	x.Header().Set("Content-Length", strconv.Itoa(len(encoded)))
	x.WriteHeader(code)
	_, _ = x.Write(encoded)
}

// refuse sends an error.
func (x *exchange) refuse(code int, p problem) {
	x.refusal = p.Code
	p.RequestID, p.Instance = x.requestID, x.instance
	x.answer(code, p)
}

// encode returns a line of JSON. It does not escape for HTML, because people read it with curl; the content type and nosniff keep
// browsers from taking it for a page.
func encode(v any) ([]byte, error) {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return line.Bytes(), err
}
