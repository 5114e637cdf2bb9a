//! Bodies made of other bodies.

pub(crate) mod drain;
mod into_bytes;

pub(crate) use into_bytes::{IntoBytes, frame_into_bytes};

/// Declares a body that is one of several: `struct NAME of ENUM / PROJECTION`, a variant for each source.
///
/// Frames, the end and the size hint are those of the current source. An error passes unchanged, or through the
/// conversion behind `=>`. `holds` is a value that is dropped with the body, after its source; `default` names the
/// source of [`Default`].
macro_rules! body_enum {
    (
        $(#[$attribute:meta])*
        $vis:vis struct $name:ident $(<$($param:ident),+>)? of $source:ident / $projection:ident {
            $($(#[$note:meta])* $variant:ident($body:ty) $(=> $convert:expr)?,)+
        }
        type Error = $error:ty;
        $(holds $held:ty;)?
        $(default $default:ident;)?
        where $($bounds:tt)*
    ) => {
        $(#[$attribute])*
        #[pin_project::pin_project]
        #[derive(Debug)]
        $vis struct $name $(<$($param),+>)? (
            #[pin] $source $(<$($param),+>)?,
            $($held,)?
        );

        #[pin_project::pin_project(project = $projection)]
        #[derive(Debug)]
        enum $source $(<$($param),+>)? {
            $($(#[$note])* $variant(#[pin] $body),)+
        }

        impl $(<$($param),+>)? http_body::Body for $name $(<$($param),+>)?
        where $($bounds)*
        {
            type Data = bytes::Bytes;
            type Error = $error;

            fn poll_frame(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, $error>>> {
                match self.project().0.project() {
                    $($projection::$variant(body) => {
                        http_body::Body::poll_frame(body, cx)$(.map_err($convert))?
                    })+
                }
            }

            fn is_end_stream(&self) -> bool {
                match &self.0 {
                    $($source::$variant(body) => http_body::Body::is_end_stream(body),)+
                }
            }

            fn size_hint(&self) -> http_body::SizeHint {
                match &self.0 {
                    $($source::$variant(body) => http_body::Body::size_hint(body),)+
                }
            }
        }

        body_enum!(@default [$($($param),+)?] $name $source [$($held)?] $($default)?);
    };
    (@default [$($param:ident),*] $name:ident $source:ident [$($held:ty)?]) => {};
    (@default [$($param:ident),*] $name:ident $source:ident [$($held:ty)?] $default:ident) => {
        impl<$($param),*> Default for $name<$($param),*> {
            fn default() -> Self {
                Self($source::$default(Default::default()), $(<$held>::default())?)
            }
        }
    };
}

pub(crate) use body_enum;
