package secret

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

func (d *draft) setURL(text string) {
	if id, details := checkURL(text); id != "" {
		d.reject(id, fieldURL, details...)
		return
	}
	d.target.URL = text
}

// checkURL returns the rule that a URL breaks. Of several it is the rule whose message helps most.
func checkURL(text string) (broken ID, details []any) {
	if left := placeholderInURL(text); left != "" {
		return rulePlaceholder, []any{left}
	}
	for _, c := range text {
		if id := checkURLCharacter(c); id != "" {
			return id, nil
		}
	}
	u, err := url.Parse(text) // the error is dropped, since it quotes the URL
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return ruleURLAbsolute, nil
	case !isPort(u.Port()):
		return ruleURLPort, nil
	case u.User != nil:
		return ruleURLUser, nil
	case !isHost(u.Host, u.Hostname()):
		return ruleURLHost, nil
	}
	return "", nil
}

// checkURLCharacter returns the rule that a character breaks wherever it stands in a URL. Direction marks, which reorder what is shown,
// count as invisible.
func checkURLCharacter(c rune) ID {
	switch {
	case '0' <= c && c <= 'z' && c != '<' && c != '>' && c != '\\' && c != '^' && c != '`':
		return ""
	case strings.ContainsRune("<>\"{}|\\^`", c):
		return ruleURLCharacter
	case unicode.IsSpace(c):
		return ruleURLSpace
	case unicode.In(c, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
		return ruleURLInvisible
	}
	return ""
}

// isPort reports whether the port of a URL is empty or can be dialled: url.Parse accepts any number of digits.
func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return text == "" || err == nil && n > 0
}

// isHost reports whether a host is an address, or a name that a resolver takes without converting it. The zone of an IPv6 address names
// a network interface of one machine, and so it means nothing in another pod.
func isHost(host, name string) bool {
	if strings.HasPrefix(host, "[") {
		addr, err := netip.ParseAddr(name)
		return err == nil && addr.Is6() && addr.Zone() == ""
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if label == "" || strings.ContainsFunc(label, func(c rune) bool { return !isAlphanumeric(c) && c != '-' && c != '_' }) {
			return false
		}
	}
	return true
}

func isAlphanumeric(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
