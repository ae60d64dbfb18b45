package api

import (
	"net/http"

	"github.com/google/uuid"
)

const (
	requestIDHeader = "X-Request-Id" // net/http's spelling of X-Request-ID; header names have no case
	maxRequestID    = 128
)

// requestID returns the caller's ID if it is harmless in headers and logs, else a new one.
func requestID(h http.Header) string {
	if id := h.Get(requestIDHeader); acceptableRequestID(id) {
		return id
	}
	return uuid.NewString()
}

func acceptableRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
