package readme_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// source parses the program's Go files, without tests, and calls visit with each node.
func source(t *testing.T, visit func(ast.Node), dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool { visit(n); return true })
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// arguments returns the texts that calls of these functions or methods get in a position.
func arguments(t *testing.T, position int, names []string, dirs ...string) (texts []string) {
	t.Helper()
	source(t, func(n ast.Node) {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) <= position {
			return
		}
		name := ""
		switch f := call.Fun.(type) {
		case *ast.SelectorExpr:
			name = f.Sel.Name
		case *ast.Ident:
			name = f.Name
		}
		if literal, ok := call.Args[position].(*ast.BasicLit); ok && slices.Contains(names, name) {
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, text)
		}
	}, dirs...)
	if len(texts) == 0 {
		t.Fatalf("nothing calls %v", names)
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

// code returns what stands between backticks.
func code(text string) (all []string) {
	for _, match := range regexp.MustCompile("``([^`]+(?:`[^`]+)*)``|`([^`]+)`").FindAllStringSubmatch(text, -1) {
		all = append(all, match[1]+match[2])
	}
	return all
}

// Every line of the log is in the table, and none that is not logged.
func TestTableOfLogs(t *testing.T) {
	want := append(arguments(t, 0, []string{"Msg"}, "internal", "cmd"), arguments(t, 0, []string{"line"}, "internal/sync")...)
	var first, all []string
	for _, row := range rows(chapter(t, "docs/messages.md", "## Logs")) {
		if row[0] != "message" {
			first = append(first, code(row[0])...)
			all = append(all, code(strings.Join(row, " "))...)
		}
	}
	for _, message := range want {
		if !slices.Contains(all, message) {
			t.Errorf("%q is logged, and not in the table", message)
		}
	}
	for _, message := range first {
		if !slices.Contains(want, message) {
			t.Errorf("%q is in the table, and never logged", message)
		}
	}
}

// Every rule that a manifest can break is in the table, and none that is not checked. A test of internal/secret holds the table to that
// package's rules.
func TestTableOfMessages(t *testing.T) {
	rules := arguments(t, 1, []string{"reject"}, "internal/manifests")
	var table string
	var shown []string
	for _, row := range rows(chapter(t, "docs/messages.md", "## Messages about Secrets")) {
		if slices.Contains([]string{"`parse`", "`validate`", "`duplicate`"}, row[0]) {
			table += row[2] + "\n"
			shown = append(shown, code(row[2])...)
		}
	}
	for _, rule := range rules {
		if !strings.Contains(table, rule) {
			t.Errorf("%q is a message, and not in the table", rule)
		}
	}
	var texts strings.Builder
	source(t, func(n ast.Node) {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil {
				texts.WriteString(text + "\n")
			}
		}
	}, "internal/secret", "internal/manifests", "internal/sync")
	// What varies in a message, as the sources have it.
	varies := strings.NewReplacer("…", "%s", `"slack-prod" is taken by Secret alert-history/slack-old`, "%q is taken by Secret %s")
	for _, message := range shown {
		if !strings.Contains(texts.String(), varies.Replace(message)) {
			t.Errorf("%q is in the table, and in no source", message)
		}
	}
}
