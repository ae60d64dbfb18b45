package targetsfile_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// An app's readiness may ask whether there is a snapshot, and no more.
func ExampleReader_Snapshot_readiness() {
	path, remove := exampleFile()
	defer remove()
	reader, err := targetsfile.Open(context.Background(), path)
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		// Whether there is a snapshot at all. Not reader.Healthy: an app with stale targets still publishes nearly every alert.
		if reader.Snapshot() == nil {
			http.Error(w, "no snapshot yet", http.StatusServiceUnavailable)
		}
	})

	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/ready", nil))
	fmt.Println(answer.Code)
	// Output: 200
}
