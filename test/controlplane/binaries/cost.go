package binaries

import (
	"cmp"
	"path/filepath"
	"time"
)

// Cost is about what building takes on two idle cores, with nothing in Go's caches.
type Cost struct {
	Time time.Duration
	GB   float64 // of disk: modules, Go's build cache, and the program itself
}

// kubernetesCosts are those of the programs that come from Kubernetes, in the order in which they are built: they have most packages in
// common, which the first compiles.
var kubernetesCosts = map[Name]Cost{
	APIServer:         {10 * time.Minute, 4},
	ControllerManager: {3 * time.Minute, 1},
	Kubectl:           {time.Minute, 1},
	Kubelet:           {time.Minute, 1},
	Scheduler:         {time.Minute, 0.5},
}

// Estimate returns which programs are missing, and what building them takes.
func (c Cache) Estimate(names ...Name) (missing []string, total Cost, err error) {
	dir, err := c.dir()
	if err != nil {
		return nil, Cost{}, err
	}
	for _, name := range names {
		src, err := sourceOf(name, cmp.Or(c.Kubernetes, KubernetesVersion))
		if err != nil {
			return nil, Cost{}, err
		}
		file := string(name) + "-" + src.version
		if built(filepath.Join(dir, file)) {
			continue
		}
		missing = append(missing, file)
		total.Time += src.takes.Time
		total.GB += src.takes.GB
	}
	return missing, total, nil
}
