package api

import (
	"fmt"
	"time"
)

// verdict is the state in one word and one sentence, the first that a person reads.
type verdict struct {
	Class string // of style: good, wait, warn or bad
	Word  string
	Text  string
}

// judge returns the worst that is true of the status.
func judge(s Status, now time.Time) verdict {
	switch stale := s.Snapshot.StaleAfter; {
	case s.Snapshot.Generation == 0 && s.State == StateFailed:
		return verdict{"bad", "No targets", "The first refresh failed and nothing is published yet. It is tried again."}
	case s.Snapshot.Generation == 0:
		return verdict{"wait", "Starting", "Nothing is published yet."}
	case !stale.IsZero() && now.After(stale.Time):
		return verdict{"bad", "Stale", "No refresh has succeeded for too long. The last good targets are still served."}
	case s.ConsecutiveFailures > 0:
		return verdict{"warn", "Failing", fmt.Sprintf("%s. The last good targets are still served.", counted(s.ConsecutiveFailures, "refresh in a row failed", "refreshes in a row failed"))}
	case s.TargetsInvalid > 0:
		return verdict{"warn", "Fresh, with faults", counted(s.TargetsInvalid, "Secret is", "Secrets are") + " invalid: see below."}
	default:
		return verdict{"good", "Fresh", "What is published is what the Secrets hold."}
	}
}

// counted returns the number with the phrase that suits it.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// moment is a time as people read it, seen from now.
type moment struct{ at, now time.Time }

// Never reports whether there is no such time.
func (m moment) Never() bool { return m.at.IsZero() }

// UTC is the time in full.
func (m moment) UTC() string { return m.at.UTC().Format("2006-01-02 15:04:05 UTC") }

// Machine is the time for programs.
func (m moment) Machine() string { return m.at.UTC().Format(timeFormat) }

// Relative is the distance from now, in the largest unit of which there is at least one: 3 minutes ago, in 2 hours.
func (m moment) Relative() string {
	distance := m.now.Sub(m.at)
	format := "%s ago"
	if distance < 0 {
		distance, format = -distance, "in %s"
	}
	units := []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}}
	for _, u := range units {
		if n := int(distance / u.length); n > 0 {
			return fmt.Sprintf(format, counted(n, u.name, u.name+"s"))
		}
	}
	return "just now"
}
