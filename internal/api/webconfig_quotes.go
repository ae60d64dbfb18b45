package api

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
)

// unquoted returns a text of package yaml without the values in it: where one has the wrong type, such as a password in the place of the
// list of users, the error quotes the beginning of it.
func unquoted(text string) string {
	return regexp.MustCompile("`[^`\n]*`").ReplaceAllString(text, "(a value)")
}

// unquotedError is err, unless its text would tell a value.
func unquotedError(err error) error {
	if text := unquoted(err.Error()); text != err.Error() {
		return errors.New(text)
	}
	return err
}

// unquotedLog is exporter-toolkit's log: it complains there of a file that was changed and cannot be parsed any more.
type unquotedLog struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h unquotedLog) Handle(ctx context.Context, record slog.Record) error {
	out := slog.NewRecord(record.Time, record.Level, record.Message, record.PC)
	record.Attrs(func(a slog.Attr) bool {
		if a.Value.Kind() == slog.KindString {
			a.Value = slog.StringValue(unquoted(a.Value.String()))
		}
		out.AddAttrs(a)
		return true
	})
	return h.Handler.Handle(ctx, out)
}
