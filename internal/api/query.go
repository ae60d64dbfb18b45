package api

import (
	"errors"
	"net/url"
)

// errQuery refuses a query that is not understood. Its text is shown to the caller.
type errQuery string

// Error implements error.
func (e errQuery) Error() string { return string(e) }

// errNoParameter says that the query is empty, which is no fault.
var errNoParameter = errors.New("the query is empty")

// onlyParameter returns the value of the one parameter that a call takes. It returns [errNoParameter] if it is absent, and an
// [errQuery] if there is anything else: a caller who mistypes a filter must not take the answer for a filtered one.
func onlyParameter(rawQuery, name string) (string, error) {
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return "", errQuery("The query is malformed")
	}
	if len(query) == 0 {
		return "", errNoParameter
	}
	values, ok := query[name]
	switch {
	case !ok || len(query) > 1:
		return "", errQuery("Unknown query parameter: this call takes only " + name)
	case len(values) > 1:
		return "", errQuery("The parameter " + name + " is given more than once")
	}
	return values[0], nil
}
