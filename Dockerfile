FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /seedbed ./cmd/seedbed

FROM alpine:3
RUN apk add --no-cache ca-certificates && adduser -D seedbed && install -d -o seedbed /data
COPY --from=build /seedbed /usr/local/bin/seedbed
USER seedbed
ENV SEEDBED_DATA=/data
VOLUME /data
# It listens on 127.0.0.1: run it with --network host, or see docs/deploy.md.
ENTRYPOINT ["seedbed"]
