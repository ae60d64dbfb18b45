package main

import (
	"strings"
	"testing"
)

func TestRisksAreToldAtTheStart(t *testing.T) {
	const mode, profiles = "every user who reaches the snapshot may use it", "profiles are served to other machines"
	for name, tt := range map[string]struct {
		args []string
		want []string
	}{
		"the defaults":           {nil, nil},
		"what is meant":          {[]string{"--snapshot-mode=0660", "--pprof-address=127.0.0.1:0"}, nil},
		"everybody reads":        {[]string{"--snapshot-mode=0644"}, []string{mode}},
		"everybody writes":       {[]string{"--snapshot-mode=0777"}, []string{mode}},
		"profiles for everybody": {[]string{"--pprof-address=:0"}, []string{profiles}},
		"both":                   {[]string{"--snapshot-mode=0602", "--pprof-address=0.0.0.0:0"}, []string{mode, profiles}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProgram(t)
			p.start(tt.args...)
			logs := p.logs.String()
			for _, want := range []string{mode, profiles} {
				wanted := strings.Contains(strings.Join(tt.want, "\n"), want)
				if got := strings.Count(logs, want); (got == 1) != wanted {
					t.Errorf("got %d times %q, wanted: %t\n%s", got, want, wanted, logs)
				}
			}
		})
	}
}
