package main

import (
	"maps"
	"slices"
	"strings"
)

// variables returns the environment variable that each flag's value may come from, by what people may call it: its own name, and the one that
// the flag's name suggests.
func (g grammar) variables() map[string]string {
	named := map[string]string{}
	for spelling, flag := range g.flags {
		if name := envar(flag.Value); name != "" {
			named[name] = name
			if long, ok := strings.CutPrefix(spelling, "--"); ok {
				named["TARGET_"+strings.ToUpper(strings.ReplaceAll(long, "-", "_"))] = name
			}
		}
	}
	return named
}

// strayVariable is a variable of the environment that looks like the sidecar's and that no flag has.
type strayVariable struct {
	name  string
	meant string // the variable that was probably meant, ""
}

// stray returns the variables that look like the sidecar's and that no flag has, in order. Those with which Kubernetes announces a Service whose name begins
// with "target" are none, and an empty one is unset.
func (g grammar) stray(environ []string) (stray []strayVariable) {
	known := g.variables()
	own := map[string]bool{}
	for _, name := range known {
		own[name] = true
	}
	candidates := slices.Sorted(maps.Keys(known))
	for _, variable := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "TARGET_") || value == "" || own[name] || announcesService(name, environ) {
			continue
		}
		stray = append(stray, strayVariable{name: name, meant: known[nearest(name, candidates)]})
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
