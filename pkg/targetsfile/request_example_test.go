package targetsfile_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// The error of an http.Client quotes the URL, which for many targets is the credential.
func ExampleRedactError() {
	server := httptest.NewServer(http.NotFoundHandler())
	target := targetsfile.Target{Name: "slack-prod", URL: server.URL + "/services/T0/B0/secret"}
	server.Close() // so that it refuses

	request, err := target.NewRequest(context.Background(), http.MethodPost, strings.NewReader("{}"))
	if err != nil {
		log.Fatal(err)
	}
	_, err = http.DefaultClient.Do(request)
	fmt.Println(strings.Contains(err.Error(), "/services/T0/B0/secret"))
	text := targetsfile.RedactError(err).Error()
	text = strings.ReplaceAll(text, strings.TrimPrefix(server.URL, "http://"), "127.0.0.1:40404") // always the same port
	fmt.Println(text)
	// Output:
	// true
	// Post "http://127.0.0.1:40404": dial tcp 127.0.0.1:40404: connect: connection refused
}

// A request has the target's URL and headers; what is published, and in which format, is the app's business.
func ExampleTarget_NewRequest() {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL, r.Header.Get("Authorization"), r.Header.Get("Content-Type"))
		_, _ = io.Copy(os.Stdout, r.Body)
	}))
	defer server.Close()
	target := targetsfile.Target{Name: "hook", URL: server.URL + "/in?team=sre", Headers: map[string]string{"Authorization": "Bearer secret"}}

	request, err := target.NewRequest(context.Background(), http.MethodPost, strings.NewReader(`{"status":"firing"}`))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := server.Client().Do(request)
	if err != nil {
		log.Fatal(targetsfile.RedactError(err))
	}
	_ = response.Body.Close()
	// Output:
	// POST /in?team=sre Bearer secret application/json
	// {"status":"firing"}
}
