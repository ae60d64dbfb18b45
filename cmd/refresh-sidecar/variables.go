package main

import (
	"maps"
	"slices"
	"strings"
)

// strayVariable is a variable of the environment that looks like the sidecar's and that no flag has.
type strayVariable struct {
	name  string
	meant string // the variable that was probably meant; empty: no known one is like it
}

// stray returns the variables that look like the sidecar's and that no flag has, in order. An empty variable counts as
// unset, and those with which Kubernetes announces a Service whose name begins with "target" are not meant for the sidecar.
func (g grammar) stray(environ []string) (stray []strayVariable) {
	candidates := slices.Sorted(maps.Keys(g.variables))
	for _, variable := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "TARGET_") || value == "" || g.variables[name] == name || announcesService(name, environ) {
			continue
		}
		stray = append(stray, strayVariable{name: name, meant: g.variables[nearest(name, candidates)]})
	}
	return stray
}

// announcesService reports whether a variable is one of those that every container gets for a Service of its namespace.
func announcesService(name string, environ []string) bool {
	return slices.ContainsFunc(environ, func(variable string) bool {
		service, _, announced := strings.Cut(variable, "_SERVICE_HOST=")
		return announced && (strings.HasPrefix(name, service+"_SERVICE_") || name == service+"_PORT" || strings.HasPrefix(name, service+"_PORT_"))
	})
}
