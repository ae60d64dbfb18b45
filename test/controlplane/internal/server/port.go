package server

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// reservation keeps a loopback port for a server that comes, goes and comes back.
//
// The usual way, asking for port 0 and closing it again, lets another process take the port before the server does.
// Here a socket stays bound to it that never listens: with SO_REUSEPORT (socket(7)) a server of the same user can
// listen beside it, a socket without that option cannot bind, no outgoing connection is given the port, and while no
// server listens, connections are refused.
type reservation struct {
	fd     int
	number int
}

func reservePort() (*reservation, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("making a socket: %w", err)
	}
	r := &reservation{fd: fd}
	if err := r.bind(); err != nil {
		return nil, errors.Join(fmt.Errorf("reserving a port: %w", err), r.close())
	}
	return r, nil
}

func (r *reservation) bind() error {
	if err := unix.SetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return err
	}
	if err := unix.Bind(r.fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	addr, err := unix.Getsockname(r.fd)
	if err != nil {
		return err
	}
	in4, ok := addr.(*unix.SockaddrInet4)
	if !ok {
		return fmt.Errorf("unexpected address %T", addr)
	}
	r.number = in4.Port
	return nil
}

func (r *reservation) close() error {
	return unix.Close(r.fd)
}
