package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
)

// grammar is what the command line may hold.
type grammar struct {
	commands []string
	flags    map[string]*kong.Flag // of all commands, by each spelling: --watch, --no-watch, -o

	// variables are the environment variables of the flags, by what people may call them: their own names, and those that the flags suggest,
	// such as TARGET_MAX_RETRIES.
	variables map[string]string
}

func newGrammar(app *kong.Application) grammar {
	g := grammar{flags: map[string]*kong.Flag{}, variables: map[string]string{}}
	for _, node := range append([]*kong.Node{app.Node}, app.Children...) {
		if node.Type == kong.CommandNode {
			g.commands = append(g.commands, node.Name)
		}
		for _, flag := range node.Flags {
			g.flags["--"+flag.Name] = flag
			if flag.Short != 0 {
				g.flags["-"+string(flag.Short)] = flag
			}
			if flag.Tag.Negatable != "" {
				g.flags["--no-"+flag.Name] = flag
			}
			if name := envar(flag.Value); name != "" {
				g.variables[name] = name
				g.variables["TARGET_"+strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))] = name
			}
		}
	}
	return g
}

// tidy returns the arguments so that kong stops at nothing that can be told together with other faults: a negative number, which kong takes
// for flags, becomes part of its flag, and so does the value of a negated switch, of which kong allows true and false only. It names a
// mistyped command, which kong takes for an argument of run, and all flags without a value.
func (g grammar) tidy(args []string) (tidied []string, err error) {
	var f faults
	command := ""
	for i := 0; i < len(args); i++ {
		arg := args[i]
		name, value, attached := strings.Cut(arg, "=")
		flag := g.flags[name]
		switch {
		case arg == "--" || flag == nil && isUnknownFlag(arg, g.flags): // kong takes it from here
			return append(tidied, args[i:]...), f.err()
		case flag == nil && command == "" && !strings.HasPrefix(arg, "-"):
			command = arg
			if !slices.Contains(g.commands, command) {
				return nil, fmt.Errorf("unknown command %q%s (see refresh-sidecar --help)", command, meant(command, g.commands))
			}
		case flag == nil: // an argument of the command, or a short flag with its value, as in -ojson
		case attached && name == "--no-"+flag.Name:
			arg = "--" + flag.Name + "=" + negated(value)
		case flag.IsBool() || attached && strings.HasPrefix(name, "--"):
		case attached: // to a short flag, as in -o=json
			tidied = append(tidied, withValue(name, value)...)
			continue
		case i+1 == len(args):
			f.add(name, "needs a value")
		case !isValue(args[i+1]):
			f.add(name, "needs a value, and %q reads like a flag: write %s=%[1]s if it is meant", args[i+1], name)
		default:
			i++
			tidied = append(tidied, withValue(name, args[i])...)
			continue
		}
		tidied = append(tidied, arg)
	}
	return tidied, f.err()
}

// withValue returns a flag and its value in the form in which kong takes every value for one, and nothing else for a part of it.
func withValue(name, value string) []string {
	switch {
	case strings.HasPrefix(name, "--"):
		return []string{name + "=" + value}
	case value == "": // kong takes the next argument for the value of a short flag to which none is attached
		return []string{name, ""}
	}
	return []string{name + value}
}

// isUnknownFlag reports whether an argument is a flag, and not a known short one with its value, as in -ojson.
func isUnknownFlag(arg string, known map[string]*kong.Flag) bool {
	return len(arg) > 1 && arg[0] == '-' && known[arg[:2]] == nil
}

// isValue reports whether an argument can be the value of the flag before it. No flag begins with a digit.
func isValue(arg string) bool {
	return arg == "-" || !strings.HasPrefix(arg, "-") || strings.ContainsAny(arg[1:2], ".0123456789")
}

// negated returns the opposite of true or false, and any other text as it is, so that validation names it.
func negated(text string) string {
	switch parsed, err := strconv.ParseBool(text); {
	case err != nil:
		return text
	case parsed:
		return "false"
	}
	return "true"
}
