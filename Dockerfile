# The sidecar's image: one static program FROM scratch.
#
#   docker buildx build --platform linux/amd64,linux/arm64 --build-arg VERSION=1.0.0 -t alert-history/refresh-sidecar:1.0.0 .
#
# `make image` builds the same without a container engine. The labels name the commit with
# --build-arg REVISION=$(git rev-parse HEAD) --build-arg CREATED=$(git show -s --format=%cI). For a digest that is the same each time:
# SOURCE_DATE_EPOCH=0 docker buildx build --provenance=false --output type=oci,dest=image.tar,rewrite-timestamp=true …
#
# The image of the compiler is named by its version, which its publisher can point elsewhere. `docker buildx imagetools inspect golang:1.26.8`
# prints its digest; --build-arg GO_IMAGE=golang:1.26.8@sha256:… takes that and nothing else.
ARG GO_IMAGE=golang:1.26.8

# The compiler runs on the builder's own platform and builds for the target's: no emulation.
FROM --platform=$BUILDPLATFORM $GO_IMAGE AS build
WORKDIR /src
# The modules on their own, so that a change of the code does not download them again.
COPY go.mod go.sum ./
COPY pkg/targetsfile/go.mod pkg/targetsfile/go.sum pkg/targetsfile/
COPY pkg/targetsfile/prom/go.mod pkg/targetsfile/prom/go.sum pkg/targetsfile/prom/
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH
ARG VERSION=devel
# Without paths and without the state of the checkout in it, the program is the same bit for bit wherever it is built.
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o /refresh-sidecar ./cmd/refresh-sidecar

# Nothing else runs here: no shell, no users file, and no CA certificates, because the only TLS server that the sidecar ever calls is the
# API server, whose CA comes with the token in the pod.
FROM scratch
ARG VERSION=devel
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title=refresh-sidecar
LABEL org.opencontainers.image.version=$VERSION
LABEL org.opencontainers.image.source=https://github.com/alert-history/refresh-sidecar
LABEL org.opencontainers.image.revision=$REVISION
LABEL org.opencontainers.image.licenses=Apache-2.0
LABEL org.opencontainers.image.created=$CREATED
COPY --from=build /refresh-sidecar /refresh-sidecar
COPY LICENSE THIRD_PARTY_NOTICES.txt /licenses/
# A number: only of a number can the kubelet tell that it is not root (runAsNonRoot).
USER 65532:65532
WORKDIR /
EXPOSE 8095/tcp
ENTRYPOINT ["/refresh-sidecar"]
