package manifests

import (
	"fmt"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// secret checks one Secret. The order is that in which a sidecar and an API server would trip over it: its own name, its content,
// the name of its target.
func (c *checker) secret(m *manifest) {
	selected := c.selector.Matches(m.labels)
	if selected {
		c.out.Secrets++
	}
	if err := m.checkName(); err != nil {
		if selected {
			c.fail(m.file, err)
		} else {
			c.skip(m, "")
		}
		return
	}
	single := c.isSingle(m, selected)
	if !selected {
		c.skip(m, m.key())
		return
	}
	decoded := m.decode()
	if decoded.Fault != nil {
		for _, p := range decoded.Fault.Problems {
			c.add(m.place, Failed, m.key(), p)
		}
	}
	for _, warning := range decoded.Warnings {
		c.add(m.place, Warned, m.key(), source.Problem{Rule: warning})
	}
	if decoded.Entry != nil && single { // the same Secret again has the same target, of course
		c.claim(m, decoded.Entry.Name)
	}
}

// isSingle reports whether no Secret of the same namespace and name came before. Two that nobody selects are nobody's business.
func (c *checker) isSingle(m *manifest, selected bool) bool {
	other, known := c.secrets[m.key()]
	if !known {
		c.secrets[m.key()] = m
		return true
	}
	if selected || c.selector.Matches(other.labels) {
		c.add(m.place, Failed, m.key(), source.Problem{Field: "metadata.name",
			Rule: fmt.Sprintf("this Secret is in %s already", other.place), Hint: "remove one, or rename it: the one applied last would replace the other"})
	}
	return false
}

// claim takes the name of a target for the Secret that comes first. Which one would hold it in a cluster is not to be seen here:
// the one that is published, otherwise the oldest.
func (c *checker) claim(m *manifest, name string) {
	holder, taken := c.names[name]
	if !taken {
		c.names[name] = m
		return
	}
	c.add(m.place, Failed, m.key(), source.Problem{Field: "name",
		Rule: fmt.Sprintf("the target name %s belongs to Secret %s in %s already", name, holder.key(), holder.place),
		Hint: "rename one of the targets; what different sidecars read is checked one by one"})
}

// skip tells of a Secret that is not selected. One that would be a valid target was very likely meant to be.
func (c *checker) skip(m *manifest, key string) {
	hint := fmt.Sprintf("a publishing target needs the label %s under metadata.labels", c.selector)
	if key != "" && m.decode().Entry != nil {
		c.add(m.place, Warned, key, source.Problem{Field: "metadata.labels",
			Rule: fmt.Sprintf("describes a target, but %s does not select it: the sidecar would not see it", c.selector), Hint: hint})
		return
	}
	c.add(m.place, Skipped, key, source.Problem{Rule: fmt.Sprintf("not selected by %s", c.selector), Hint: hint})
}
