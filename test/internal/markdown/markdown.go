// Package markdown reads what tests hold the documents to: their fenced blocks and chapters.
package markdown

import (
	"fmt"
	"regexp"
	"strings"
)

// Block is one fenced block, without the indentation that a list gives it.
type Block struct {
	Language string
	Line     int    // of the opening fence
	Before   string // the last line with text before it
	Text     string
}

// Name is for subtests and messages.
func (b Block) Name() string { return fmt.Sprintf("line %d", b.Line) }

var fence = regexp.MustCompile("^( *)```(.*)$")

// Blocks returns the blocks of a document. The error says that one is not closed.
func Blocks(text string) (all []Block, err error) {
	var open *Block
	var indent, last string
	for i, line := range strings.Split(text, "\n") {
		mark := fence.FindStringSubmatch(line)
		switch {
		case mark != nil && open == nil:
			open, indent = &Block{Language: mark[2], Line: i + 1, Before: last}, mark[1]
		case mark != nil:
			all, open = append(all, *open), nil
		case open != nil:
			open.Text += strings.TrimPrefix(line, indent) + "\n"
		}
		if strings.TrimSpace(line) != "" {
			last = line
		}
	}
	if open != nil {
		return nil, fmt.Errorf("the block at line %d is not closed", open.Line)
	}
	return all, nil
}

// Chapter returns the text below a heading, up to the next one of its level, and whether there is such a heading.
func Chapter(text, heading string) (chapter string, found bool) {
	_, chapter, found = strings.Cut(text, "\n"+heading+"\n")
	level, _, _ := strings.Cut(heading, " ")
	chapter, _, _ = strings.Cut(chapter, "\n"+level+" ")
	return chapter, found
}

// Code returns code without indentation and empty lines, with a line break at both ends, so that an excerpt is found wherever it stands.
func Code(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return "\n" + strings.Join(lines, "\n") + "\n"
}
