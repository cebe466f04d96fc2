FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /seedbed ./cmd/seedbed

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /seedbed /seedbed
ENV SEEDBED_ADDR=0.0.0.0:7333 SEEDBED_DATA=/data
VOLUME /data
EXPOSE 7333
ENTRYPOINT ["/seedbed"]
