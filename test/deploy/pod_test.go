package deploy_test

import (
	"encoding/json"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

const mountPath = "/var/run/publishing-targets"

// names are the containers' names.
func names(containers []corev1.Container) (all []string) {
	for _, c := range containers {
		all = append(all, c.Name)
	}
	return all
}

// readers are the containers that have the targets, read-only.
func readers(pod corev1.PodSpec) (all []string) {
	for _, c := range pod.Containers {
		if slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == "targets" && m.MountPath == mountPath && m.ReadOnly }) {
			all = append(all, c.Name)
		}
	}
	return all
}

// bare is a pod's spec without what the sidecar brings, in any of its forms.
func bare(t *testing.T, pod corev1.PodSpec) corev1.PodSpec {
	t.Helper()
	spec := *pod.DeepCopy()
	ours := func(c corev1.Container) bool { return c.Name == "refresh-sidecar" || c.Name == "first-targets" }
	spec.InitContainers, spec.Containers = slices.DeleteFunc(spec.InitContainers, ours), slices.DeleteFunc(spec.Containers, ours)
	spec.Volumes = slices.DeleteFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == "targets" || v.Name == "api-access" })
	if spec.SecurityContext != nil {
		spec.SecurityContext.SupplementalGroups = slices.DeleteFunc(spec.SecurityContext.SupplementalGroups, func(g int64) bool { return g == 65532 })
	}
	for c := range spec.Containers {
		mounts := &spec.Containers[c].VolumeMounts
		*mounts = slices.DeleteFunc(*mounts, func(m corev1.VolumeMount) bool { return m.MountPath == mountPath })
	}
	document, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	var read corev1.PodSpec // in which an empty list is none
	if err := json.Unmarshal(document, &read); err != nil {
		t.Fatal(err)
	}
	return read
}
