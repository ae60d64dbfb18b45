package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"sigs.k8s.io/yaml"
)

// Formats of what a command prints, the values of --output.
const (
	outputTable = "table"
	outputText  = "text"
	outputJSON  = "json"
	outputYAML  = "yaml"
)

// encode writes v as JSON for people and jq alike, or as the same in YAML.
func encode(out io.Writer, format string, v any) error {
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false) // the & in a URL stays as it is
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return err
	}
	text := buf.Bytes()
	if format == outputYAML {
		var err error
		if text, err = yaml.JSONToYAML(text); err != nil {
			return err
		}
	}
	_, err := out.Write(text)
	return err
}

// printable returns text for a terminal. A file that somebody else wrote may hold escape sequences, and line breaks that fake lines.
func printable(text string) string {
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return text
	}
	return strconv.Quote(text)
}

// complain reports an error, and on a second line what to do about it.
func complain(out io.Writer, err error, hint string) {
	_, _ = fmt.Fprintf(out, "refresh-sidecar: %v\n", err)
	if hint != "" {
		_, _ = fmt.Fprintf(out, "  %s\n", hint)
	}
}

// count returns a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
