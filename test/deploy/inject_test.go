package deploy_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"
)

// asks is the label with which a pod asks for the sidecar.
const asks = "refresh-sidecar.alert-history.io/inject"

const labelled = `metadata: {labels: {` + asks + `: "true"}}`

// plain is a pod that the restricted standard lets in.
const plain = `
metadata: {name: pod}
spec:
  serviceAccountName: default
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers: [{name: app, image: "app:1"}]
`

// pod is plain with strategic merge patches. All of its containers are such that the restricted standard lets them in.
func pod(t *testing.T, patches ...string) *corev1.Pod {
	t.Helper()
	document := []byte(toJSON(t, plain))
	for _, patch := range patches {
		var err error
		if document, err = strategicpatch.StrategicMergePatch(document, []byte(toJSON(t, patch)), corev1.Pod{}); err != nil {
			t.Fatal(err)
		}
	}
	var made corev1.Pod
	if err := yaml.UnmarshalStrict(document, &made); err != nil {
		t.Fatal(err)
	}
	no := false
	for _, containers := range [][]corev1.Container{made.Spec.InitContainers, made.Spec.Containers} {
		for c := range containers {
			if containers[c].SecurityContext == nil {
				containers[c].SecurityContext = &corev1.SecurityContext{
					AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				}
			}
		}
	}
	return &made
}

func toJSON(t *testing.T, text string) string {
	t.Helper()
	document, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return string(document)
}

// annotated is a patch that asks for the sidecar, with annotations; each is key=value.
func annotated(pairs ...string) string {
	annotations := map[string]string{}
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		annotations["refresh-sidecar.alert-history.io/"+key] = value
	}
	text, _ := json.Marshal(map[string]any{"metadata": map[string]any{"labels": map[string]string{asks: "true"}, "annotations": annotations}})
	return string(text)
}

// Whatever a pod looks like, it gets the sidecar of the example, in its place, and is otherwise what it would be without.
func TestAPodThatAsksGetsTheSidecar(t *testing.T) {
	i := newInjection(t, mutating, validating)
	two := `spec: {containers: [{name: app}, {name: exporter, image: "exporter:1"}, {name: proxy, image: "proxy:1"}]}`
	for name, test := range map[string]struct {
		patches []string
		init    []string // default: the sidecar alone
		readers []string // default: the container named app
		groups  []int64  // default: the sidecar's
		image   string   // default: the example's
		args    []string
	}{
		"a plain pod": {patches: []string{labelled}},
		"init containers of its own": {
			patches: []string{labelled, `spec: {initContainers: [{name: migrate, image: "m:1"}, {name: cache, image: "c:1", restartPolicy: Always}]}`},
			init:    []string{"refresh-sidecar", "migrate", "cache"},
		},
		"volumes and mounts of its own": {patches: []string{labelled, `spec: {
			containers: [{name: app, volumeMounts: [{name: config, mountPath: /config}]}], volumes: [{name: config, configMap: {name: config}}]}`}},
		"an fsGroup": {patches: []string{labelled, `spec: {securityContext: {fsGroup: 65534}}`}, groups: []int64{}},
		"groups of its own": {
			patches: []string{labelled, `spec: {securityContext: {supplementalGroups: [5, 6]}}`}, groups: []int64{5, 6, 65532},
		},
		"a chosen container": {patches: []string{annotated("containers=exporter"), two}, readers: []string{"exporter"}},
		"chosen containers":  {patches: []string{annotated("containers=proxy  app"), two}, readers: []string{"app", "proxy"}},
		"another image":      {patches: []string{annotated("image=registry.example.com/sidecar:2")}, image: "registry.example.com/sidecar:2"},
		"flags":              {patches: []string{annotated("args= --min-targets=1  --log-level=debug")}, args: []string{"--min-targets=1", "--log-level=debug"}},
		"annotations of several lines": {
			patches: []string{annotated("args=--min-targets=1\n--log-level=debug\n", "containers=proxy\napp\n", "after=vpn\nmigrate\n"), two,
				`spec: {initContainers: [{name: vpn, image: "v:1"}, {name: migrate, image: "m:1"}]}`},
			args: []string{"--min-targets=1", "--log-level=debug"}, readers: []string{"app", "proxy"}, init: []string{"vpn", "migrate", "refresh-sidecar"},
		},
		"a job's pod":       {patches: []string{labelled, `spec: {restartPolicy: Never}`}},
		"fields of its own": {patches: []string{labelled, `spec: {hostname: one, enableServiceLinks: false, automountServiceAccountToken: false}`}},
		"behind a mesh by its name": {
			patches: []string{labelled, `spec: {initContainers: [{name: istio-init, image: "i:1"}, {name: istio-proxy, image: "i:1", restartPolicy: Always}, {name: migrate, image: "m:1"}]}`},
			init:    []string{"istio-init", "istio-proxy", "refresh-sidecar", "migrate"},
		},
		"behind what it names": {
			patches: []string{annotated("after=vpn absent"), `spec: {initContainers: [{name: istio-init, image: "i:1"}, {name: vpn, image: "v:1", restartPolicy: Always}]}`},
			init:    []string{"istio-init", "vpn", "refresh-sidecar"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			without, err := i.create(t, pod(t, append(test.patches, `metadata: {labels: {`+asks+`: null}}`)...))
			if err != nil {
				t.Fatal(err)
			}
			got, err := i.create(t, pod(t, test.patches...))
			if err != nil {
				t.Fatal(err)
			}
			if want := orElse(test.init, []string{"refresh-sidecar"}); !slices.Equal(names(got.Spec.InitContainers), want) {
				t.Fatalf("got init containers %v, want %v", names(got.Spec.InitContainers), want)
			}
			want := i.example(t)
			if test.image != "" {
				want.Image = test.image
			}
			want.Args = test.args
			sidecar := got.Spec.InitContainers[slices.Index(names(got.Spec.InitContainers), "refresh-sidecar")]
			if diff := cmp.Diff(want, sidecar); diff != "" {
				t.Errorf("the sidecar (-pod-example.yaml +injected):\n%s", diff)
			}
			if want := orElse(test.groups, []int64{65532}); !slices.Equal(got.Spec.SecurityContext.SupplementalGroups, want) {
				t.Errorf("got groups %v, want %v", got.Spec.SecurityContext.SupplementalGroups, want)
			}
			if want := orElse(test.readers, []string{"app"}); !slices.Equal(readers(got.Spec), want) {
				t.Errorf("got the targets in %v, want %v", readers(got.Spec), want)
			}
			if diff := cmp.Diff(bare(t, without.Spec), bare(t, got.Spec)); diff != "" {
				t.Errorf("the rest of the pod (-without the label +with it):\n%s", diff)
			}
		})
	}
}

func orElse[T any](given, otherwise []T) []T {
	if given == nil {
		return otherwise
	}
	return given
}

// example is the example's sidecar as the API server completes it.
func (i injection) example(t *testing.T) corev1.Container {
	t.Helper()
	spec, sidecar := example(t)
	spec.InitContainers[0] = sidecar
	got, err := i.create(t, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "example"}, Spec: spec})
	if err != nil {
		t.Fatal(err)
	}
	return got.Spec.InitContainers[0]
}

// The volumes are the example's, too.
func TestTheInjectedVolumesAreTheExamples(t *testing.T) {
	i := newInjection(t, mutating)
	spec, _ := example(t)
	want, err := i.create(t, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "example"}, Spec: spec})
	if err != nil {
		t.Fatal(err)
	}
	got, err := i.create(t, pod(t, labelled))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Spec.Volumes, got.Spec.Volumes); diff != "" {
		t.Errorf("(-pod-example.yaml +injected):\n%s", diff)
	}
}

// A pod that does not ask, or has the sidecar already, stays as it is.
func TestOtherPodsAreLeftAlone(t *testing.T) {
	i := newInjection(t, mutating, validating)
	_, sidecar := example(t)
	made := pod(t, labelled)
	spec, _ := example(t)
	made.Spec.InitContainers, made.Spec.Volumes = []corev1.Container{sidecar}, spec.Volumes
	made.Spec.Containers[0].VolumeMounts = spec.Containers[0].VolumeMounts
	for name, before := range map[string]*corev1.Pod{
		"no label":                           pod(t),
		"false":                              pod(t, `metadata: {labels: {`+asks+`: "false"}}`),
		"annotations without the label":      pod(t, annotated("containers=app"), `metadata: {labels: null}`),
		"the sidecar is there, and labelled": made,
	} {
		t.Run(name, func(t *testing.T) {
			same := before.DeepCopy()
			delete(same.Labels, asks)
			want, err := i.create(t, same)
			if err != nil {
				t.Fatal(err)
			}
			got, err := i.create(t, before)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.Spec, got.Spec); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A pod that asks and cannot have the sidecar is refused, with what to do.
func TestAPodThatCannotHaveTheSidecarIsRefused(t *testing.T) {
	i := newInjection(t, mutating, validating)
	two := `spec: {containers: [{name: app}, {name: exporter, image: "exporter:1"}]}`
	for name, test := range map[string]struct {
		patches []string
		want    string
	}{
		"a mistyped value":      {[]string{`metadata: {labels: {` + asks + `: "True"}}`}, `is "True"; say "true", or "false"`},
		"several containers":    {[]string{labelled, two}, "which of [app exporter] are to have them"},
		"an unknown container":  {[]string{annotated("containers=ap")}, "the targets are mounted in []; say in the annotation"},
		"one unknown container": {[]string{annotated("containers=app exporters"), two}, "the targets are mounted in [app]; say in the annotation"},
		"a volume of that name": {[]string{labelled, `spec: {volumes: [{name: targets, emptyDir: {}}]}`}, `Duplicate value: "targets"`},
		"another volume in the targets' place": {[]string{labelled, `spec: {
			containers: [{name: app, volumeMounts: [{name: cache, mountPath: ` + mountPath + `}]}], volumes: [{name: cache, emptyDir: {}}]}`}, "the targets are mounted in []; say in the annotation"},
		"a classic sidecar alone": {[]string{labelled, `spec: {initContainers: [{name: refresh-sidecar, image: "s:1"}], containers: [{name: app, volumeMounts: [{name: targets, mountPath: ` + mountPath + `}]}], volumes: [{name: targets, emptyDir: {}}]}`}, "did not get it"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := i.create(t, pod(t, test.patches...)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestWithoutTheMutatingPolicyAPodThatAsksIsRefused(t *testing.T) {
	i := newInjection(t, validating)
	const want = "did not get it; is the MutatingAdmissionPolicy refresh-sidecar there"
	if _, err := i.create(t, pod(t, labelled)); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	if _, err := i.create(t, pod(t)); err != nil {
		t.Errorf("a pod that does not ask: %v", err)
	}
	spec, sidecar := example(t)
	misplaced := pod(t, labelled, `spec: {initContainers: [{name: linkerd-proxy, image: "l:1", restartPolicy: Always}]}`)
	misplaced.Spec.InitContainers, misplaced.Spec.Volumes = append([]corev1.Container{sidecar}, misplaced.Spec.InitContainers...), spec.Volumes
	misplaced.Spec.Containers[0].VolumeMounts = spec.Containers[0].VolumeMounts
	const before = "would start before one of [istio-proxy linkerd-proxy]"
	if _, err := i.create(t, misplaced); err == nil || !strings.Contains(err.Error(), before) {
		t.Errorf("a sidecar before the mesh: got %v, want %q", err, before)
	}
}
