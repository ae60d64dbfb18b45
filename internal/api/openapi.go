package api

import (
	_ "embed"
	"io"
	"net/http"
	"strconv"
)

// openapiDocument describes the whole interface. Tests hold it to the routes here, and every answer to it in test/openapi.
//
//go:embed openapi.yaml
var openapiDocument string

// openapi answers the description of the interface.
func openapi(x *exchange) {
	x.send("application/yaml", openapiDocument)
}

// send sends a body that is not JSON.
func (x *exchange) send(contentType, body string) {
	x.Header().Set("Content-Type", contentType)
	x.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(x, body) // as in answer
}
