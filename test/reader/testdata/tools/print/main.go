// Command print logs all that the reader hands out of a snapshot file, with zerolog, alone and nested.
package main

import (
	"context"
	"log"
	"os"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/rs/zerolog"
)

func main() {
	reader, err := targetsfile.Open(context.Background(), os.Args[1], targetsfile.WithoutWatch())
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Close()
	if err := reader.Healthy(); err != nil && reader.Snapshot() == nil {
		log.Fatal(err)
	}
	doc, err := targetsfile.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	target, err := reader.Get("slack-prod")
	if err != nil {
		log.Fatal(err)
	}
	change := targetsfile.Diff(nil, reader.Snapshot())
	change.Updated = []targetsfile.Update{{Old: target, New: target}}
	change.Removed = change.Added
	for name, value := range map[string]any{
		"target": target, "pointer": &target, "entry": doc.Entries[0], "document": doc, "snapshot": reader.Snapshot(), "reader": reader,
		"status": reader.Status(), "change": change, "pointer to a change": &change, "update": change.Updated[0],
	} {
		show(name, value)
		show("slice with "+name, []any{value})
		show("map with "+name, map[string]any{"key": value})
		show("struct with "+name, struct{ Value any }{value})
		show("all with "+name, []map[string]struct{ Value any }{{"key": {value}}})
	}
}

func show(name string, value any) {
	for _, logger := range []zerolog.Logger{zerolog.New(os.Stdout), zerolog.New(zerolog.ConsoleWriter{Out: os.Stdout, NoColor: true})} {
		logger.Info().Interface("value", value).Msg(name)
		logger.Info().Any("value", value).Msg(name)
		logger.Info().Fields(map[string]any{"value": value}).Msg(name)
		logger.Info().Msgf("%s %v %+v %#v %s %d %x", name, value, value, value, value, value, value)
	}
}
