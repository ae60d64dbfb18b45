// Command gosec applies the rules of github.com/securego/gosec to the module in the working directory, generated files left out. It prints
// what they find, and fails if they find anything, or if a package cannot be analysed.
//
// gosec's own command does not fail for the latter where it is to be quiet, and it suggests fixes by language models, whose client libraries
// are most of what there is to compile.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"

	"github.com/securego/gosec/v2"
	"github.com/securego/gosec/v2/analyzers"
	"github.com/securego/gosec/v2/report"
	"github.com/securego/gosec/v2/rules"
	"golang.org/x/tools/go/packages"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gosec:", err)
		os.Exit(1)
	}
}

func run() error {
	module, err := os.Getwd()
	if err != nil {
		return err
	}
	list, err := packages.Load(&packages.Config{Mode: packages.NeedName | packages.NeedFiles}, "./...")
	if err != nil {
		return fmt.Errorf("listing the packages: %w", err)
	}
	var dirs []string
	for _, p := range list {
		if len(p.Errors) > 0 {
			return fmt.Errorf("listing %s: %w", p.ID, p.Errors[0])
		}
		if len(p.GoFiles) > 0 {
			dirs = append(dirs, p.Dir)
		}
	}
	analyzer := gosec.NewAnalyzer(gosec.NewConfig(), false, true, false, runtime.GOMAXPROCS(0), log.New(io.Discard, "", 0))
	analyzer.LoadRules(rules.Generate(false).RulesInfo())
	analyzer.LoadAnalyzers(analyzers.Generate(false).AnalyzersInfo())
	if err := analyzer.Process(nil, dirs...); err != nil {
		return fmt.Errorf("analysing %d packages: %w", len(dirs), err)
	}
	issues, metrics, faults := analyzer.Report()
	if len(dirs) > 0 && len(issues)+len(faults) == 0 {
		return nil
	}
	err = report.CreateReport(os.Stdout, "text", false, []string{module}, gosec.NewReportInfo(issues, metrics, faults))
	return errors.Join(fmt.Errorf("%d issues, and %d files that could not be read, in %d packages", len(issues), len(faults), len(dirs)), err)
}
