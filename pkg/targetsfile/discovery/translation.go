package discovery

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// translation makes the sidecar's answers those that the app's clients know.
type translation struct {
	codes         map[string]string
	emptyForNever bool
}

// code returns what the app's clients call an error.
func (t *translation) code(sidecars string) string {
	if known, ok := t.codes[sidecars]; ok {
		return known
	}
	return sidecars
}

// translate changes a JSON object of the sidecar, and leaves every other answer as it is.
func (t *translation) translate(response *http.Response) error {
	if len(t.codes) == 0 && !t.emptyForNever || !strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return err
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		response.Body = partlyRead{io.MultiReader(bytes.NewReader(body), response.Body), response.Body}
		return nil
	}
	_ = response.Body.Close()
	t.rename(fields)
	t.fill(fields)
	if body, err = json.Marshal(fields); err != nil {
		return err
	}
	body = append(body, '\n')
	response.ContentLength = int64(len(body))
	response.Header.Set("Content-Length", strconv.Itoa(len(body)))
	response.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// partlyRead is a body of which a part was read, and is read again.
type partlyRead struct {
	io.Reader
	io.Closer
}

// rename changes the code of an error. The error of a status is a text, which no code equals.
func (t *translation) rename(fields map[string]json.RawMessage) {
	var code string
	if json.Unmarshal(fields["error"], &code) != nil {
		return
	}
	if known, ok := t.codes[code]; ok {
		fields["error"], _ = json.Marshal(known) // a string never fails
	}
}

func (t *translation) fill(fields map[string]json.RawMessage) {
	for _, name := range []string{"last_refresh", "next_refresh", "last_attempt", "in_progress_since"} {
		if t.emptyForNever && string(fields[name]) == "null" {
			fields[name] = json.RawMessage(`""`)
		}
	}
}
