package server

import (
	"errors"
	"fmt"
	"net/netip"

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

func reservePort(host string) (*reservation, error) {
	address, err := netip.ParseAddr(host)
	if err != nil {
		return nil, fmt.Errorf("reserving a port: %w", err)
	}
	family := unix.AF_INET
	if address.Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("making a socket: %w", err)
	}
	r := &reservation{fd: fd}
	if err := r.bind(address); err != nil {
		return nil, errors.Join(fmt.Errorf("reserving a port: %w", err), r.close())
	}
	return r, nil
}

func (r *reservation) bind(address netip.Addr) error {
	if err := unix.SetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return err
	}
	var free unix.Sockaddr = &unix.SockaddrInet6{Addr: address.As16()}
	if address.Is4() {
		free = &unix.SockaddrInet4{Addr: address.As4()}
	}
	if err := unix.Bind(r.fd, free); err != nil {
		return err
	}
	bound, err := unix.Getsockname(r.fd)
	if err != nil {
		return err
	}
	switch bound := bound.(type) {
	case *unix.SockaddrInet4:
		r.number = bound.Port
	case *unix.SockaddrInet6:
		r.number = bound.Port
	default:
		return fmt.Errorf("unexpected address %T", bound)
	}
	return nil
}

func (r *reservation) close() error {
	return unix.Close(r.fd)
}
