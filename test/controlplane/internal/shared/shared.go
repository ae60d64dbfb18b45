// Package shared lets any number of test processes use one control plane, which is there as long as any of them is.
//
// The first process that asks starts a supervisor: a process of its own session with etcd and kube-apiserver as its
// children. Who lives and who may do what is decided by two locked files alone, because a lock goes when its holder
// does, however that ends:
//
//   - users.lock is held shared by each lease. The supervisor can lock it exclusively only when there is none; having
//     been able to for a while, it takes the lock for good and stops.
//   - supervisor.lock is held by the supervisor from before it is started (it inherits the lock) and by etcd and
//     kube-apiserver. Whoever can take it knows that nothing is running, whatever state.json says, and starts anew.
//
// Not promised: that the control plane survives one of its processes; its users' tests fail then, and the next lease
// gets a new one.
package shared

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane/binaries"
	"github.com/alert-history/refresh-sidecar/test/controlplane/internal/server"
)

// Config says which control plane is meant, and what it is made of. Processes with the same Root share it.
type Config struct {
	Root      string        // directory; empty: one in the user's cache directory, named after the versions
	Linger    time.Duration // how long it outlives its last lease, for the next package's tests; 0: 10 s
	Etcd      string        // path of the program
	APIServer string        // path of the program
}

// State is a running control plane.
type State struct {
	Access server.Access
	Dir    string         // of data and logs; goes with the supervisor
	PIDs   map[string]int // for whoever wants to look at the processes
}

func (c Config) linger() time.Duration {
	return cmp.Or(c.Linger, 10*time.Second)
}

func (c Config) root() (string, error) {
	if c.Root != "" {
		return c.Root, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("looking for the cache directory: %w", err)
	}
	return filepath.Join(cache, "refresh-sidecar", "controlplane-"+binaries.KubernetesVersion+"-"+binaries.EtcdVersion), nil
}

// The files in the root directory.
const (
	usersLock      = "users.lock"
	supervisorLock = "supervisor.lock"
	stateFile      = "state.json"
	runsDir        = "runs"
	supervisorFile = "supervisor"
	supervisorLog  = "supervisor.log"
)

func readState(root string) (State, error) {
	var s State
	data, err := os.ReadFile(filepath.Join(root, stateFile)) // #nosec G304 -- our own directory
	if err != nil {
		return s, fmt.Errorf("reading the state: %w", err)
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("decoding the state: %w", err)
	}
	return s, nil
}

// write replaces the file in one step: others read it at any time.
func (s State) write(root string) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the state: %w", err)
	}
	next := filepath.Join(root, stateFile+".next")
	if err := os.WriteFile(next, data, 0o600); err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	if err := os.Rename(next, filepath.Join(root, stateFile)); err != nil {
		return fmt.Errorf("putting the state in place: %w", err)
	}
	return nil
}
