package image_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/image"
	"github.com/alert-history/refresh-sidecar/test/internal/child"
)

// TestGNUTarExtractsTheLayer: engines are content with an archive that is cut short at its end, other tools are not.
func TestGNUTarExtractsTheLayer(t *testing.T) {
	img, _ := only(t, build(t, pause("linux/amd64")))
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	uncompressed, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	layer, err := io.ReadAll(uncompressed)
	if err != nil {
		t.Fatal(err)
	}
	if len(layer)%512 != 0 || !bytes.HasSuffix(layer, make([]byte, 1024)) {
		t.Errorf("a layer of %d bytes does not end in two blocks of zeros", len(layer))
	}
	program := filepath.Join(unpack(t, bytes.NewReader(layer)), "pause")
	data, err := os.ReadFile(program) // #nosec G304 -- just unpacked
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, contents(t, img)[0].Content) || info.Mode() != 0o755 {
		t.Errorf("tar extracts %d bytes with mode %v", len(data), info.Mode())
	}
}

// TestEnginesLoadTheArchive tries the tools that Debian has; containerd's is tried by the node of the e2e tests.
func TestEnginesLoadTheArchive(t *testing.T) {
	const tag = "example/pause:1.2.3"
	file := filepath.Join(t.TempDir(), "pause.tar")
	var out bytes.Buffer
	if err := image.Write(&out, tag, build(t, pause("linux/amd64,linux/arm64"))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for tool, load := range map[string]func(t *testing.T) (user string){
		"docker": func(t *testing.T) string {
			docker := startDocker(t)
			docker("load", "-i", file)
			if list := docker("images", "--format", "{{.Repository}}:{{.Tag}}"); !strings.Contains(list, tag+"-arm64\n") {
				t.Errorf("the image of the other platform is not among\n%s", list)
			}
			return docker("image", "inspect", "-f", "{{.Config.User}}", tag)
		},
		"skopeo": func(t *testing.T) string {
			return output(t, "skopeo", "inspect", "--config", "--format", "{{.Config.User}}", "oci-archive:"+file)
		},
		"podman": func(t *testing.T) string {
			dir := shortDir(t)
			podman := []string{"--root", dir + "/root", "--runroot", dir + "/run", "--storage-driver", "vfs"}
			output(t, "podman", append(podman, "load", "-i", file)...)
			return output(t, "podman", append(podman, "image", "inspect", "-f", "{{.Config.User}}", "docker.io/"+tag)...)
		},
		"buildah": func(t *testing.T) string {
			dir := t.TempDir()
			buildah := []string{"--root", dir + "/root", "--runroot", dir + "/run", "--storage-driver", "vfs"}
			id := output(t, "buildah", append(buildah, "pull", "-q", "oci-archive:"+file)...)
			return output(t, "buildah", append(buildah, "inspect", "--type", "image", "-f", "{{.OCIv1.Config.User}}", strings.TrimSpace(id))...)
		},
	} {
		t.Run(tool, func(t *testing.T) {
			if _, err := exec.LookPath(tool); err != nil {
				t.Skipf("SKIPPED: %s is not installed; Debian has it", tool)
			}
			if os.Getuid() != 0 {
				t.Skipf("SKIPPED: %s is tried with storage of its own, as root", tool)
			}
			if user := strings.TrimSpace(load(t)); user != image.User {
				t.Errorf("%s sees user %q, want %s", tool, user, image.User)
			}
		})
	}
}

func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...) // #nosec G204 -- the tests' own
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", cmd, err, out, stderr.Bytes())
	}
	return string(out)
}

// shortDir returns a directory with a short name: podman refuses long ones.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "podman")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// startDocker starts a Docker daemon that shares nothing with another one, and returns its client.
func startDocker(t *testing.T) (docker func(args ...string) string) {
	t.Helper()
	if _, err := exec.LookPath("dockerd"); err != nil {
		t.Skip("SKIPPED: dockerd is not installed; Debian has it in docker.io")
	}
	dir := t.TempDir()
	ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "ready"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ready.Close() })
	host, log := "unix://"+filepath.Join(dir, "docker.sock"), filepath.Join(dir, "log")
	daemon, err := child.Start(child.Spec{Path: "dockerd", Log: log, Env: append(os.Environ(), "NOTIFY_SOCKET="+ready.LocalAddr().String()),
		Args: []string{"--host", host, "--data-root", dir + "/data", "--exec-root", dir + "/exec", "--pidfile", dir + "/pid",
			"--storage-driver", "vfs", "--iptables=false", "--bridge=none"}, OnDeath: syscall.SIGTERM})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := daemon.Signal(syscall.SIGTERM); err != nil {
			t.Log(err)
		}
		<-daemon.Done()
	})
	if err := ready.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	for message := make([]byte, 1024); ; {
		n, err := ready.Read(message)
		if err != nil {
			said, _ := os.ReadFile(log) // #nosec G304 -- the daemon's
			t.Fatalf("dockerd is not ready: %v\n%s", err, said)
		}
		if strings.Contains(string(message[:n]), "READY=1") {
			break
		}
	}
	return func(args ...string) string { return output(t, "docker", append([]string{"--host", host}, args...)...) }
}
