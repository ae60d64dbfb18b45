package sidecar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Do sends a request and returns the code and the body.
func (p *Process) Do(method, path string) (int, string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, p.URL+path, http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	request.Close = true
	if p.Token != "" {
		request.Header.Set("Authorization", "Bearer "+p.Token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// Status is the part of the status document that tests look at.
type Status struct {
	State       string `json:"status"`
	LastRefresh string `json:"last_refresh"`
	Discovered  int    `json:"targets_discovered"`
	Valid       int    `json:"targets_valid"`
	Invalid     int    `json:"targets_invalid"`
	NextRefresh string `json:"next_refresh"`
	Error       string `json:"error"`
	ErrorClass  string `json:"error_class"`
	Hint        string `json:"hint"`
	Failures    int    `json:"consecutive_failures"`
	LastTrigger string `json:"last_trigger"`
	Rejections  []struct {
		Secret, Reason, Message, Serving string
	} `json:"invalid"`
	Watch struct {
		Enabled, Connected bool
		Error              string
	} `json:"watch"`
	Namespaces []struct {
		Name    string
		Secrets int
		Error   string
	} `json:"namespaces"`
}

// Status asks for the status document.
func (p *Process) Status() (s Status) {
	p.t.Helper()
	code, body := p.Do(http.MethodGet, "/api/v2/publishing/targets/status")
	if code != http.StatusOK {
		p.t.Fatalf("status answered %d: %s", code, body)
	}
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		p.t.Fatal(err)
	}
	return s
}

// Refresh asks for a refresh and returns when one that began later has ended.
func (p *Process) Refresh() Status {
	p.t.Helper()
	var s Status
	p.Until("accepts a refresh", func() error {
		if code, body := p.Do(http.MethodPost, "/api/v2/publishing/targets/refresh"); code != http.StatusAccepted {
			return fmt.Errorf("answered %d: %s", code, body)
		}
		return nil
	})
	p.Until("ends the refresh", func() error {
		if s = p.Status(); s.State == "in_progress" {
			return errors.New("it is in progress")
		}
		return nil
	})
	return s
}

// Until polls a condition of the real process until it holds, with pauses of 5 ms for a second, and of 50 ms from then on: to ask takes processor
// time, which all that happens at the same time has to share.
func (p *Process) Until(what string, holds func() error) {
	p.t.Helper()
	began := time.Now()
	for {
		err := holds()
		if err == nil {
			return
		}
		waited, pause := time.Since(began), 5*time.Millisecond
		if waited > time.Second {
			pause = 50 * time.Millisecond
		}
		if waited > patience {
			p.t.Fatalf("waited %s until the sidecar %s: %v\n%s", patience, what, err, p.dump())
		}
		time.Sleep(pause)
	}
}
