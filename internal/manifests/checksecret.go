package manifests

import (
	"fmt"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// secret checks one Secret, in the order in which an API server and a sidecar would refuse it: its own name, its content, the name of its
// target.
func (c *checker) secret(m *manifest) {
	selected := m.isSelected(c.selector)
	switch {
	case m.madeElsewhere && selected:
		c.elsewhere = append(c.elsewhere, len(c.out.Findings))
		c.add(m.place, Failed, m.key(), m.problems[0])
		return
	case m.madeElsewhere || m.isNameless && !selected:
		c.skip(m, "")
		return
	case selected:
		c.out.Secrets++
	}
	key := m.shownKey()
	single := c.isSingle(m, selected)
	if !selected {
		c.skip(m, m.key())
		return
	}
	decoded := m.decode()
	if decoded.Fault != nil {
		for _, p := range decoded.Fault.Problems {
			c.add(m.place, Failed, key, p)
		}
	}
	for _, warning := range decoded.Warnings {
		c.add(m.place, Warned, key, warning)
	}
	if decoded.Entry != nil && single { // a Secret that is given twice has one target, which is no conflict
		c.claim(m, decoded.Entry.Name)
	}
}

// settleElsewhere makes warnings of the faults of what becomes a Secret elsewhere, where that Secret is among the files, too: it is the one read.
func (c *checker) settleElsewhere() {
	for _, i := range c.elsewhere {
		if f := &c.out.Findings[i]; c.secrets[f.Secret] != nil {
			f.Severity = Warned
			c.out.Faults--
			c.out.Warnings++
		}
	}
}

// isSingle reports whether a Secret is the first of its namespace and name. It adds a finding
// for any further one, unless the selector selects neither.
func (c *checker) isSingle(m *manifest, selected bool) bool {
	if m.isNameless {
		return true
	}
	other, known := c.secrets[m.key()]
	if !known {
		c.secrets[m.key()] = m
		return true
	}
	if selected || other.isSelected(c.selector) {
		c.add(m.place, Failed, m.key(), source.Problem{Field: "metadata.name",
			Rule: fmt.Sprintf("this Secret is in %s already", other.place), Hint: "remove one, or rename it: the one applied last would replace the other"})
	}
	return false
}

// claim gives the name of a target to the Secret that comes first. In a cluster the Secret that is published has it, otherwise the oldest;
// manifests show neither.
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
