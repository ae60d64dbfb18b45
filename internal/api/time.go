package api

import "time"

// timeFormat is RFC 3339 with milliseconds; the trailing Z is literal, so a time must be in UTC to be formatted.
const timeFormat = "2006-01-02T15:04:05.000Z"

// Time is a moment in JSON: RFC 3339 in UTC with milliseconds, or null if it is zero, as for what never happened.
type Time struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.UTC().AppendFormat(nil, `"`+timeFormat+`"`), nil
}
