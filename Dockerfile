# The base is an argument, so that a mirror, or a stand-in made of the local toolchain (as CI uses it), can take its place.
# It needs go, make, git, a shell and the CA roots.
ARG GO_IMAGE=docker.io/library/golang:1.26

FROM ${GO_IMAGE} AS builder
WORKDIR /src
# The modules alone first: this layer changes only with go.mod and go.sum.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# If they are empty, git describes the copied tree (see the Makefile).
ARG VERSION=
ARG REVISION=
RUN make build && mkdir /root-of-image && mkdir -m 0770 /root-of-image/data

FROM scratch
ARG VERSION=
ARG REVISION=
LABEL org.opencontainers.image.title="innius_exporter" \
      org.opencontainers.image.description="Prometheus exporter for the newest readings of innius sensors" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION:-unknown}" \
      org.opencontainers.image.revision="${REVISION:-unknown}"
COPY --from=builder /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=builder /src/innius_exporter /innius_exporter
# For --storage.path=/data. The group is root's: where the cluster chooses the user (OpenShift), it is of that group.
COPY --from=builder --chown=65532:0 /root-of-image /
# By number: there is no /etc/passwd, and Kubernetes' runAsNonRoot can judge only a number.
USER 65532:65532
EXPOSE 10466
# In the exec form, because there is no shell. It requests the default address: change it together with --web.listen-address.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/innius_exporter", "check", "health"]
ENTRYPOINT ["/innius_exporter"]
