package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/alert-history/refresh-sidecar/test/controlplane/binaries"
	"github.com/alert-history/refresh-sidecar/test/controlplane/internal/server"
)

// Backup is a state of etcd that can be brought back, as whoever has lost a control plane does. Each of the two ways stops etcd and the API
// server and starts them again with the same port, certificate and users.
type Backup struct {
	plane *Private
	dir   string // a copy of etcd's data
}

// BackUp copies the data of etcd, which is stopped meanwhile with the API server.
func (p *Private) BackUp(ctx context.Context) (*Backup, error) {
	dir, err := os.MkdirTemp(p.dir, "backup-")
	if err != nil {
		return nil, err
	}
	return &Backup{p, dir}, p.whileStopped(ctx, func() error { return os.CopyFS(dir, os.DirFS(p.server.Data())) })
}

// Restore puts the copy in place of the data.
func (b *Backup) Restore(ctx context.Context) error {
	data := b.plane.server.Data()
	return b.plane.whileStopped(ctx, func() error {
		return errors.Join(os.RemoveAll(data), os.CopyFS(data, os.DirFS(b.dir)))
	})
}

// RestoreSnapshot makes new data of the copy by `etcdutl snapshot restore`, with flags such as --mark-compacted. The copy's database is the
// snapshot: etcd had ended of itself when it was copied, but without the hash that `etcdctl snapshot save` adds.
func (b *Backup) RestoreSnapshot(ctx context.Context, flags ...string) error {
	etcdutl, err := binaries.Cache{}.Path(ctx, binaries.Etcdutl)
	if err != nil {
		return err
	}
	data := b.plane.server.Data()
	args := append([]string{"snapshot", "restore", filepath.Join(b.dir, "member", "snap", "db"), "--skip-hash-check", "--data-dir", data}, server.MemberArgs()...)
	return b.plane.whileStopped(ctx, func() error {
		if err := os.RemoveAll(data); err != nil {
			return err
		}
		if out, err := exec.CommandContext(ctx, etcdutl, append(args, flags...)...).CombinedOutput(); err != nil { // #nosec G204 -- our own program
			return fmt.Errorf("restoring a snapshot of etcd: %w: %s", err, out)
		}
		return nil
	})
}

// whileStopped stops API server and etcd, and starts them again after act.
func (p *Private) whileStopped(ctx context.Context, act func() error) error {
	if err := errors.Join(p.StopAPIServer(), p.server.EndEtcd()); err != nil {
		return err
	}
	if err := act(); err != nil {
		return err
	}
	if err := p.StartEtcd(); err != nil {
		return err
	}
	return p.StartAPIServer(ctx)
}
