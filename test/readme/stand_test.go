package readme_test

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Variables that tell a stand where the real things are.
const (
	varRoot    = "README_ROOT"    // of this repository
	varBinary  = "README_BINARY"  // refresh-sidecar
	varKubectl = "README_KUBECTL" // kubectl
	varAddress = "README_ADDRESS" // host:port of a sidecar that runs, in the place of port 8095
	varPprof   = "README_PPROF"   // host:port of its profiles, in the place of port 6060
	varPath    = "README_PATH"    // the PATH that tests have
)

// A stand takes the place of a command on the PATH of the manual's commands, which has nothing but these and a few tools. It runs the real
// one where that can be, on what the test has started, and otherwise has the real one check its arguments.
type stand func(args []string) (code int)

func stands() map[string]stand {
	return map[string]stand{
		"curl": curl, "go": goCommand, "kubectl": kubectl, "make": makeCommand, "refresh-sidecar": refreshSidecar,
	}
}

// real runs a program with this process's streams.
func real(path string, args ...string) int {
	cmd := exec.Command(path, args...) // #nosec G204 -- commands of our own manual
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}

// elsewhere finds a program on the tests' own PATH.
func elsewhere(name string) string {
	for _, dir := range filepath.SplitList(os.Getenv(varPath)) {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return name
}

// curl asks the sidecar that runs. An answer that is an error fails.
func curl(args []string) int {
	for i := range args {
		args[i] = regexp.MustCompile(`(localhost|127\.0\.0\.1):8095`).ReplaceAllLiteralString(args[i], os.Getenv(varAddress))
		args[i] = strings.ReplaceAll(args[i], "127.0.0.1:6060", os.Getenv(varPprof))
	}
	return real(elsewhere("curl"), append([]string{"--fail-with-body"}, args...)...)
}

// goCommand runs the sidecar that is built already, and vets the examples, which their own tests run.
func goCommand(args []string) int {
	switch {
	case len(args) > 1 && args[0] == "run" && args[1] == "./cmd/refresh-sidecar":
		return refreshSidecar(args[2:])
	case len(args) > 2 && args[0] == "run" && strings.HasPrefix(args[1], "./examples/"):
		if _, err := os.Stat(args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return real(elsewhere("go"), "vet", "-C", os.Getenv(varRoot), args[1])
	}
	fmt.Fprintf(os.Stderr, "go %v: no test knows this\n", args)
	return 1
}

// refreshSidecar runs the program. A run that would not end publishes one snapshot.
func refreshSidecar(args []string) int {
	once := len(args) > 0 && (slices.Contains([]string{"inspect", "validate", "version"}, args[0]) || slices.Contains(args, "--once"))
	if !once {
		args = append(args, "--once")
	}
	return real(os.Getenv(varBinary), args...)
}

// kubectl runs against a real API server, but where a kubelet or a person would be needed: there it checks the flags, and those of the
// program that the command would run.
func kubectl(args []string) int {
	ours, theirs := args, []string(nil)
	if i := slices.Index(args, "--"); i >= 0 {
		ours, theirs = args[:i], args[i+1:]
	}
	if !slices.ContainsFunc(ours, func(arg string) bool { return slices.Contains([]string{"exec", "logs", "port-forward"}, arg) }) {
		return real(os.Getenv(varKubectl), args...)
	}
	code := check(os.Getenv(varKubectl), ours...)
	if len(theirs) > 0 {
		if theirs[0] != "/refresh-sidecar" {
			fmt.Fprintf(os.Stderr, "%s: not in the image\n", theirs[0])
			return 1
		}
		code = cmp.Or(code, check(os.Getenv(varBinary), theirs[1:]...))
	}
	return code
}

// check has a program check its arguments: an unknown flag is an error, before --help counts.
func check(path string, args ...string) int {
	out, err := exec.Command(path, append(slices.Clip(args), "--help")...).CombinedOutput() // #nosec G204 -- commands of our own manual
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v: %v\n%s", args, err, out)
		return 1
	}
	return 0
}

// makeCommand says what make would do: the tests of the targets are those that the targets run.
func makeCommand(args []string) int {
	return real(elsewhere("make"), append([]string{"-n", "-C", os.Getenv(varRoot)}, args...)...)
}
