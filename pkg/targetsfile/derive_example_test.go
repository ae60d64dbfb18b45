package targetsfile_test

import (
	"context"
	"fmt"
	"log"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// publisher is what the app keeps for a target.
type publisher struct {
	target targetsfile.Target
	filter struct {
		Severity []string `json:"severity"` // none: all
	}
}

func newPublisher(target targetsfile.Target, _ *publisher) (*publisher, error) {
	p := &publisher{target: target}
	if err := target.DecodeFilter(&p.filter); err != nil {
		return nil, err
	}
	return p, nil
}

// An app keeps a publisher for each target. It has nothing to wait for but WaitReady, and nothing to keep up with.
func ExampleDerive() {
	path, remove := exampleFile()
	defer remove()
	ctx := context.Background()
	reader, err := targetsfile.Open(ctx, path)
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Close()
	publishers := targetsfile.Derive(reader, newPublisher, func(p *publisher) { fmt.Println("no longer used:", p.target.Name) })
	if err := reader.WaitReady(ctx); err != nil {
		log.Fatal(err)
	}

	for _, p := range publishers.Enabled() {
		fmt.Println(p.target.Name, p.filter.Severity)
	}
	_, err = publishers.Get("slack-dev")
	fmt.Println(publishers.Len(), err)
	// Output:
	// pager [critical]
	// slack-prod []
	// 3 no such target
}
