# The sidecar's image: one static program FROM scratch.
#
#   docker buildx build --platform linux/amd64,linux/arm64 --build-arg VERSION=1.0.0 -t alert-history/refresh-sidecar:1.0.0 .
#
# `make image` builds the same without a container engine. For a digest that is the same each time:
# SOURCE_DATE_EPOCH=0 docker buildx build --provenance=false --output type=oci,dest=image.tar,rewrite-timestamp=true …

# The compiler runs on the builder's own platform and builds for the target's: no emulation.
FROM --platform=$BUILDPLATFORM golang:1.26.8 AS build
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

# Nothing else is needed: no shell, no users file, and no CA certificates, because the only TLS server that the sidecar ever calls is the
# API server, whose CA comes with the token in the pod.
FROM scratch
ARG VERSION=devel
LABEL org.opencontainers.image.title=refresh-sidecar org.opencontainers.image.version=$VERSION
COPY --from=build /refresh-sidecar /refresh-sidecar
# A number: only of a number can the kubelet tell that it is not root (runAsNonRoot).
USER 65532:65532
WORKDIR /
EXPOSE 8095/tcp
ENTRYPOINT ["/refresh-sidecar"]
