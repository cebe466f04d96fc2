package fetch

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"seedbed/internal/seedbed"
)

var errNoRepository = errors.New("no git repository")

// maxEntries is how many names a snapshot may have.
const maxEntries = 200_000

// repository brings one commit of the repository at u and writes what it holds
// into a tar archive. It returns errNoRepository where there is none.
func (f *fetcher) repository(ctx context.Context, u *url.URL) (Fetched, error) {
	switch ok, err := f.isRepository(ctx, u); {
	case err != nil:
		return Fetched{}, err
	case !ok:
		return Fetched{}, errNoRepository
	}
	branch := u.Fragment
	bare := *u
	bare.Path, bare.RawPath = strings.TrimSuffix(u.Path, "/"), ""
	bare.Fragment, bare.RawQuery = "", ""
	at, err := transport.NewEndpoint(bare.String())
	if err != nil {
		return Fetched{}, seedbed.Errorf(seedbed.Invalid, "%s is no address of a repository", f.shown)
	}
	var auth transport.AuthMethod
	if f.user != nil {
		password, _ := f.user.Password()
		auth = &githttp.BasicAuth{Username: f.user.Username(), Password: password}
	}
	session, err := githttp.NewClient(f.client).NewUploadPackSession(at, auth)
	if err != nil {
		return Fetched{}, err
	}
	defer func() { _ = session.Close() }()
	refs, err := session.AdvertisedReferencesContext(ctx)
	if errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return Fetched{}, seedbed.Errorf(seedbed.Invalid, "the repository at %s is empty", f.shown)
	}
	if err != nil {
		return Fetched{}, err
	}
	hash, err := wanted(refs, branch)
	if err != nil {
		return Fetched{}, err
	}
	git := filesystem.NewStorage(osfs.New(filepath.Join(f.dir, "git")), cache.NewObjectLRU(32*cache.MiByte))
	if err := f.pack(ctx, session, refs, hash, git); err != nil {
		return Fetched{}, err
	}
	return f.snapshot(ctx, git, hash, repositoryName(u))
}

// isRepository asks the host.
func (f *fetcher) isRepository(ctx context.Context, u *url.URL) (bool, error) {
	probe := *u
	probe.Path, probe.RawPath = strings.TrimSuffix(u.Path, "/")+"/info/refs", ""
	probe.RawQuery, probe.Fragment = "service=git-upload-pack", ""
	res, err := f.get(ctx, &probe)
	if err != nil {
		return false, err
	}
	_ = res.Body.Close()
	git := res.StatusCode == http.StatusOK && res.Header.Get("Content-Type") == "application/x-git-upload-pack-advertisement"
	if !git && strings.HasSuffix(u.Path, ".git") {
		if res.StatusCode == http.StatusOK {
			return false, seedbed.Errorf(seedbed.Invalid, "the host of %s does not speak git's smart protocol", f.shown)
		}
		return false, refused(f.shown, res.StatusCode)
	}
	return git, nil
}

// wanted is the commit that a branch or a tag names, that of HEAD for "".
func wanted(refs *packp.AdvRefs, branch string) (plumbing.Hash, error) {
	if branch == "" {
		if refs.Head == nil {
			return plumbing.ZeroHash, seedbed.Errorf(seedbed.Invalid, "the repository has no default branch: put the name of one behind the address, as in …#main")
		}
		return *refs.Head, nil
	}
	for _, name := range []string{"refs/heads/" + branch, "refs/tags/" + branch} {
		if h, ok := refs.Peeled[name]; ok {
			return h, nil
		}
		if h, ok := refs.References[name]; ok {
			return h, nil
		}
	}
	return plumbing.ZeroHash, seedbed.Errorf(seedbed.Invalid, "the repository has no branch or tag %q", branch)
}

// pack brings the objects of one commit without its history.
func (f *fetcher) pack(ctx context.Context, session transport.UploadPackSession, refs *packp.AdvRefs, hash plumbing.Hash, git storer.Storer) error {
	req := packp.NewUploadPackRequestFromCapabilities(refs.Capabilities)
	req.Wants = []plumbing.Hash{hash}
	if refs.Capabilities.Supports(capability.Shallow) {
		req.Depth = packp.DepthCommits(1)
		if err := req.Capabilities.Set(capability.Shallow); err != nil {
			return err
		}
	}
	req.Capabilities.Delete(capability.ThinPack) // there is nothing here to build on
	res, err := session.UploadPack(ctx, req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Close() }()
	var objects io.Reader = res
	switch {
	case req.Capabilities.Supports(capability.Sideband64k):
		objects = sideband.NewDemuxer(sideband.Sideband64k, res)
	case req.Capabilities.Supports(capability.Sideband):
		objects = sideband.NewDemuxer(sideband.Sideband, res)
	}
	return packfile.UpdateObjectStorage(git, objects)
}

// snapshot writes the files of a commit as a tar archive. The same commit
// gives the same bytes, wherever and whenever it is fetched; as git archive
// does, they begin with its name.
func (f *fetcher) snapshot(ctx context.Context, git storer.EncodedObjectStorer, hash plumbing.Hash, name string) (Fetched, error) {
	commit, err := object.GetCommit(git, hash)
	if err != nil {
		return Fetched{}, err
	}
	tree, err := commit.Tree()
	if err != nil {
		return Fetched{}, err
	}
	out := Fetched{Path: filepath.Join(f.dir, "snapshot.tar"), Name: name + "-" + hash.String()[:12] + ".tar", Commit: hash.String()}
	file, err := os.Create(out.Path)
	if err != nil {
		return Fetched{}, err
	}
	defer func() { _ = file.Close() }()
	s := snapshot{tar: tar.NewWriter(file), git: git, root: name, when: commit.Committer.When.UTC().Truncate(time.Second), left: f.opts.MaxBytes, max: f.opts.MaxBytes}
	if err := s.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "pax_global_header", PAXRecords: map[string]string{"comment": hash.String()}}); err != nil {
		return Fetched{}, err
	}
	if err := s.tree(ctx, tree, "", 0); err != nil {
		return Fetched{}, err
	}
	return out, errors.Join(s.tar.Close(), file.Close())
}

type snapshot struct {
	tar     *tar.Writer
	git     storer.EncodedObjectStorer
	root    string
	when    time.Time
	entries int
	left    int64
	max     int64
}

// maxDepth is how deep folders are followed.
const maxDepth = 200

func (s *snapshot) tree(ctx context.Context, t *object.Tree, dir string, depth int) error {
	if depth > maxDepth {
		return seedbed.Errorf(seedbed.TooLarge, "the repository has folders more than %d deep", maxDepth)
	}
	for _, e := range t.Entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if s.entries++; s.entries > maxEntries {
			return seedbed.Errorf(seedbed.TooLarge, "the repository has more than %d files", maxEntries)
		}
		name := path.Join(dir, strings.ReplaceAll(e.Name, "/", "_"))
		switch e.Mode {
		case filemode.Dir:
			sub, err := object.GetTree(s.git, e.Hash)
			if err != nil {
				return err
			}
			if err := s.tree(ctx, sub, name, depth+1); err != nil {
				return err
			}
		case filemode.Regular, filemode.Executable, filemode.Deprecated, filemode.Symlink:
			if err := s.file(name, e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *snapshot) file(name string, e object.TreeEntry) error {
	blob, err := object.GetBlob(s.git, e.Hash)
	if err != nil {
		return err
	}
	if s.left -= blob.Size; s.left < 0 {
		return tooLarge(s.max)
	}
	r, err := blob.Reader()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	h := &tar.Header{Typeflag: tar.TypeReg, Name: path.Join(s.root, name), Size: blob.Size, Mode: 0o644, ModTime: s.when, Format: tar.FormatPAX}
	switch e.Mode {
	case filemode.Executable:
		h.Mode = 0o755
	case filemode.Symlink:
		target, err := io.ReadAll(io.LimitReader(r, 4096))
		if err != nil {
			return err
		}
		h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, strings.ToValidUTF8(string(target), "\uFFFD"), 0
		return s.tar.WriteHeader(h)
	}
	if err := s.tar.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.Copy(s.tar, r)
	return err
}

// repositoryName is the last part of a repository's address.
func repositoryName(u *url.URL) string {
	name := strings.TrimSuffix(path.Base(strings.TrimSuffix(u.Path, "/")), ".git")
	if name == "" || name == "." || name == "/" {
		return u.Hostname()
	}
	return name
}
