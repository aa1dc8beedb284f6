//! The primitives of ristretto255.

use std::hint::black_box;

use sesphr::hazmat::ristretto::{Element, Point, Scalar, Table};
use sha2::{Digest, Sha512};

use super::primitives::Primitive;

/// So many different points and scalars, for sums.
pub fn terms(count: u32) -> Vec<(Scalar, Point)> {
    let scalar = |i: u32| Scalar::from_wide(&Sha512::digest(i.to_be_bytes()).into());
    (0..count).map(|i| (scalar(i), Element::base(&scalar(!i)).encode())).collect()
}

/// Operands for the primitives.
pub struct Ristretto {
    k: Scalar,
    x: Scalar,
    /// A challenge.
    e: Scalar,
    point: Point,
    table: Table,
    many: Vec<(Scalar, Point)>,
    elements: Vec<Element>,
}

impl Ristretto {
    /// The longest batch that is measured.
    const MANY: u32 = 4096;

    pub fn new() -> Self {
        let many = terms(Self::MANY);
        let [(k, point), (x, _), ..] = &*many else { unreachable!("many") };
        let elements = many.iter().map(|(_, point)| point.element()).collect();
        let e = Scalar::from_half(&[0x9d; 16]);
        Self { k: k.clone(), x: x.clone(), e, point: *point, table: Table::new(point), many, elements }
    }

    pub fn run(&self, primitive: Primitive) {
        let (k, x, point) = (black_box(&self.k), black_box(&self.x), black_box(&self.point));
        match primitive {
            Primitive::RMul => _ = black_box(point.mul(k)),
            Primitive::RTable => _ = black_box(self.table.mul(k)),
            Primitive::RNewTable => drop(black_box(Table::new(point))),
            Primitive::RFixed => _ = black_box(Element::base(k)),
            Primitive::RSum(n) => {
                let terms = black_box(&self.many).iter().take(n);
                let _ = black_box(Element::sum(terms.map(|(k, point)| (k, point.element()))));
            }
            Primitive::RDouble => _ = black_box(Element::vartime_with_base(&self.e, &point.element(), x)),
            Primitive::RVarDouble => {
                let other = black_box(self.elements.last().unwrap());
                let _ = black_box(Element::vartime_sum([(k, point.element()), (&self.e, *other)].into_iter()));
            }
            Primitive::RAdd => _ = black_box(point.element() + *black_box(self.elements.first().unwrap())),
            Primitive::REncode => _ = black_box(point.element().encode()),
            Primitive::REncodeOf(n) => _ = black_box(Point::doubles(black_box(&self.elements).get(..n).unwrap())),
            Primitive::RDecode => _ = black_box(Point::from_bytes(point.as_bytes())),
            Primitive::RInverse => _ = black_box(k.invert()),
            Primitive::RHashToScalar => {
                drop(black_box(Scalar::from_wide(&Sha512::digest(black_box([0; 250])).into())));
            }
            Primitive::RMap => _ = black_box(Element::from_wide(black_box(&[0x9d; 64]))),
            other => unreachable!("{other:?} is of another group"),
        }
    }
}
