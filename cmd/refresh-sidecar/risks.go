package main

import (
	"fmt"
	"net"
)

// othersMayUse are the permissions of those who are neither the owner of a file nor in its group.
const othersMayUse = 0o006

// warnOfRisks tells of flags that work and that hardly anybody means.
func (s *sidecar) warnOfRisks() {
	if mode := s.flags.SnapshotMode.value; mode&othersMayUse != 0 {
		s.log.Warn().Str("snapshot_mode", fmt.Sprintf("%04o", mode)).
			Str("hint", "0640 is enough for an app in the group of the volume; who may write the file decides where alerts go").
			Msg("every user who reaches the snapshot may use it, and it holds all credentials")
	}
	for _, server := range s.servers {
		address, ok := server.Addr().(*net.TCPAddr)
		if server.name == "pprof_address" && ok && !address.IP.IsLoopback() {
			s.log.Warn().Str("pprof_address", address.String()).
				Str("hint", "take 127.0.0.1:6060 and kubectl port-forward").
				Msg("profiles are served to other machines, and tell what is in memory")
		}
	}
}

// warnOfStrayVariables tells of variables that somebody set for the sidecar and that it does not read.
func (s *sidecar) warnOfStrayVariables() {
	for _, stray := range s.stray {
		hint := "refresh-sidecar run --help names the variables"
		if stray.meant != "" {
			hint = "did you mean " + stray.meant + "?"
		}
		s.log.Warn().Str("variable", stray.name).Str("hint", hint).Msg("unknown environment variable, it sets nothing")
	}
}
